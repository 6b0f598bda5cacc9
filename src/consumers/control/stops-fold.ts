import type { LostOffsets } from '../../base/errors.js'
import type { AcceptedStop, StoppedPartition } from '../../contracts/partitions.js'
import type { Offset } from '../../log/event-log.js'
import type { Decided, Decision } from './decision.js'
import type { Fold } from './fold.js'
import { placeKey } from './kinds/place.js'

/** An accept with its position in the control topic. Later decisions have greater positions. */
export interface Accepted extends AcceptedStop {
  readonly position: Offset
}

/** Which partitions are stopped, in any process, and what operators have accepted. */
export interface StopsFold extends Fold {
  stopped(): readonly StoppedPartition[]
  stopOf(place: Pick<StoppedPartition, 'reader' | 'topic' | 'partition'>): StoppedPartition | undefined
  accepted(): readonly Accepted[]
}

export function foldStops(): StopsFold {
  const stopped = new Map<string, StoppedPartition>()
  const accepted: Accepted[] = []

  /** An accept without such a stop has no effect. So if two operators accept the same stop, it counts once. */
  function accept(decision: Decided<'accept'>, position: Offset): void {
    const { reader, topic, partition, code, lost, by, why, atMs } = decision
    const stop = stopped.get(placeKey(decision))
    if (stop === undefined || !isSameStop(stop, decision)) return
    stopped.delete(placeKey(decision))
    accepted.push({ reader, topic, partition, code, lost, by, why, atMs, position })
  }

  return {
    stopped: () => [...stopped.values()],
    stopOf: (place) => stopped.get(placeKey(place)),
    accepted: () => accepted,
    take(decision: Decision, position) {
      if (decision.kind === 'stop') stopped.set(placeKey(decision), stoppedOf(decision))
      else if (decision.kind === 'resume') stopped.delete(placeKey(decision))
      else if (decision.kind === 'accept') accept(decision, position)
    },
  }
}

const stoppedOf = (decision: Decided<'stop'>): StoppedPartition => {
  const { reader, topic, partition, code, message, lost, atMs } = decision
  return { reader, topic, partition, code, message, lost: lost ?? null, sinceMs: atMs }
}

interface Cause {
  readonly code: string
  readonly lost?: LostOffsets | null | undefined
}

/** Whether two stops of one place have the same cause. */
export const isSameStop = (a: Cause, b: Cause): boolean =>
  a.code === b.code && a.lost?.topic === b.lost?.topic && a.lost?.from === b.lost?.from && a.lost?.to === b.lost?.to
