import type { Clock } from '../../base/clock.js'
import { EngineError, type LostOffsets } from '../../base/errors.js'
import type { Forgiven } from '../../features/memory/bad-share.js'
import type { EventLog, LogRecord, LogView, Offset, TopicPartition } from '../../log/event-log.js'
import type { GateRules } from '../../log/blocks/gate.js'
import { readUpTo } from '../../log/read-up-to.js'
import {
  parsePartitionRecord,
  placeKey,
  recordOf,
  type Accept,
  type PartitionRecord,
  type Place,
  type Stop,
} from './partition-records.js'
import { patiently } from '../ground/retry.js'
import { controlTopic } from '../ground/topic-names.js'

/** Who folds events and publishes blocks. */
export const scoringReader = 'scoring'

/** An accept with its place in the control topic: everything decided after it stands behind `position`. */
export interface Accepted extends Accept {
  readonly position: Offset
}

/** Which partitions stand still, in any process, and what operators have accepted; kept up with the control topic. */
export interface Stops {
  standing(): readonly Stop[]
  accepted(): readonly Accepted[]
  /** Writes down that a partition stands, once; resolves when its stop is accepted or `signal` aborts. */
  stand(place: Place, error: EngineError, signal: AbortSignal): Promise<void>
  /** The partition works: a stop of it that nobody accepted has been repaired. */
  going(place: Place): Promise<void>
  /**
   * Accepts what stands and resolves with it. BAD_REQUEST where nothing of that place and code stands, or only a repair
   * helps.
   */
  accept(
    place: TopicPartition & { readonly reader?: string; readonly code?: string },
    by: string,
    why: string,
  ): Promise<readonly Accepted[]>
  /** Rejects when the control topic can be read no further; never resolves. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

export interface StopsOptions {
  readonly log: EventLog
  readonly clock: Clock
  /** The log is away, and waited for. */
  readonly onRetry?: (error: unknown) => void
}

/** What the records up to some position say. The fold is the same in every process. */
interface Folded {
  readonly standing: Map<string, Stop>
  readonly accepted: Accepted[]
}

/** An accept that meets no such stop is void: two operators who accept the same accept it once. */
function fold({ standing, accepted }: Folded, said: PartitionRecord, position: Offset): void {
  const key = placeKey(said)
  const stop = standing.get(key)
  if (said.kind === 'stop') standing.set(key, said)
  else if (said.kind === 'resume') standing.delete(key)
  else if (stop !== undefined && sameStop(stop, said)) {
    standing.delete(key)
    accepted.push({ ...said, position })
  }
}

const sameStop = (a: Pick<Stop, 'code' | 'lost'>, b: Pick<Stop, 'code' | 'lost'>): boolean =>
  a.code === b.code && a.lost?.topic === b.lost?.topic && a.lost?.from === b.lost?.from && a.lost?.to === b.lost?.to

/** Folds the control topic from its beginning and follows it. */
export async function followStops({ log, clock, onRetry }: StopsOptions): Promise<Stops> {
  const closing = new AbortController()
  const { signal } = closing
  const patience = { clock, signal, ...(onRetry === undefined ? {} : { onRetry }) }
  const reader = log.reader(controlTopic)
  const folded: Folded = { standing: new Map(), accepted: [] }
  const waiting = new Set<() => void>()
  let position: Offset = 0

  function take(records: readonly LogRecord[]): void {
    for (const record of records) {
      const said = parsePartitionRecord(record)
      if (said !== undefined) fold(folded, said, record.offset + 1)
    }
    position = records.at(-1)!.offset + 1
    for (const look of waiting) look()
  }

  for await (const records of readUpTo(reader, position, (await log.bounds(controlTopic)).next, bound, signal))
    take(records)
  const following = (async (): Promise<void> => {
    while (!signal.aborted) {
      const records = await patiently(() => reader.read(position, bound, signal), patience)
      if (records.length > 0) take(records)
    }
  })()
  const failed = following.then(() => new Promise<never>(() => undefined))
  failed.catch(() => undefined)

  /** Resolves when the condition holds, which is looked at after every record, or when the signal aborts. */
  const until = (condition: () => boolean, over: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition() && !over.aborted) return
        waiting.delete(look)
        over.removeEventListener('abort', look)
        resolve()
      }
      waiting.add(look)
      over.addEventListener('abort', look)
      look()
    })

  async function say(said: PartitionRecord): Promise<void> {
    const offset = await patiently(() => log.append(controlTopic, [recordOf(said)]), patience)
    await until(() => position > offset, signal)
  }

  return {
    standing: () => [...folded.standing.values()],
    accepted: () => folded.accepted,
    async stand({ reader: who, topic, partition }, { code, message, lost }, over) {
      const place = { reader: who, topic, partition }
      const stop: Stop = {
        kind: 'stop',
        ...place,
        code,
        message,
        atMs: clock.nowMs(),
        ...(lost === undefined ? {} : { lost: { ...lost } }),
      }
      const known = folded.standing.get(placeKey(place))
      if (known === undefined || !sameStop(known, stop)) await say(stop)
      await until(() => !folded.standing.has(placeKey(place)), AbortSignal.any([over, signal]))
    },
    async going({ reader: who, topic, partition }) {
      const place = { reader: who, topic, partition }
      if (folded.standing.has(placeKey(place))) await say({ kind: 'resume', ...place, atMs: clock.nowMs() })
    },
    async accept({ topic, partition, reader: who, code }, by, why) {
      const meant = [...folded.standing.values()].filter(
        (stop) =>
          stop.topic === topic &&
          stop.partition === partition &&
          (who ?? stop.reader) === stop.reader &&
          (code ?? stop.code) === stop.code,
      )
      const before = folded.accepted.length
      for (const stop of acceptable(meant, { topic, partition })) {
        const { reader: stopped, code: found, lost } = stop
        await say({
          kind: 'accept',
          reader: stopped,
          topic,
          partition,
          code: found,
          lost: lost!,
          by,
          why,
          atMs: clock.nowMs(),
        })
      }
      return folded.accepted.slice(before)
    },
    failed,
    async close() {
      closing.abort()
      await following.catch(() => undefined)
      await reader.close()
    },
  }
}

function acceptable(stops: readonly Stop[], { topic, partition }: TopicPartition): readonly Stop[] {
  const found = stops.filter(({ lost }) => lost !== undefined)
  if (found.length > 0) return found
  const repair = stops[0]
  throw new EngineError(
    'BAD_REQUEST',
    repair === undefined
      ? `nothing of ${topic}/${partition} stands that could be accepted`
      : `${repair.code} of ${topic}/${partition} cannot be accepted, it has to be repaired: ${repair.message}`,
  )
}

const bound = { records: 1_000, bytes: 1024 * 1024 }

/** Whether operators have given these offsets up for what `reader` does with the partition. */
export const isAccepted = (
  accepted: readonly Accepted[],
  { reader, topic, partition }: Place,
  code: string,
  lost: LostOffsets,
): boolean =>
  accepted.some(
    (one) =>
      one.reader === reader &&
      one.topic === topic &&
      one.partition === partition &&
      one.code === code &&
      one.lost.topic === lost.topic &&
      one.lost.from <= lost.from &&
      lost.to <= one.lost.to,
  )

/**
 * The control positions at which an operator accepted that the event topic of a partition had been made anew, in order.
 */
export const resetsOf = (accepted: readonly Accepted[], events: TopicPartition): readonly Offset[] =>
  accepted
    .filter(
      ({ reader, topic, partition, code, lost }) =>
        reader === scoringReader &&
        topic === events.topic &&
        partition === events.partition &&
        code === 'LOG_RESET' &&
        lost.topic === topic,
    )
    .map(({ position }) => position)

/**
 * What a reader of the blocks of this event partition goes by: whatever was accepted of its events, by whichever
 * reader.
 */
export const gateRules = (
  stops: Pick<Stops, 'accepted'> | undefined,
  { topic, partition }: TopicPartition,
): GateRules => ({
  topic,
  isLost: (from, to) =>
    (stops?.accepted() ?? []).some(
      (one) =>
        one.code !== 'BAD_SHARE' &&
        one.partition === partition &&
        one.lost.topic === topic &&
        one.lost.from <= from &&
        to <= one.lost.to,
    ),
  generationAt: (control) =>
    resetsOf(stops?.accepted() ?? [], { topic, partition }).filter((position) => position <= control).length,
})

/** The same for whoever reads blocks once: what was accepted by now. */
export async function gateRulesNow(view: LogView): Promise<(events: TopicPartition) => GateRules> {
  const folded: Folded = { standing: new Map(), accepted: [] }
  const reader = view.reader(controlTopic)
  try {
    for await (const records of readUpTo(
      reader,
      0,
      (await view.bounds(controlTopic)).next,
      bound,
      new AbortController().signal,
    ))
      for (const record of records) {
        const said = parsePartitionRecord(record)
        if (said !== undefined) fold(folded, said, record.offset + 1)
      }
  } finally {
    await reader.close()
  }
  return (events) => gateRules({ accepted: () => folded.accepted }, events)
}

/**
 * Stops of the line for too many bad records that were accepted, since the topic was made anew the last time. Nothing
 * was lost by them.
 */
export function forgivenOf(stops: Pick<Stops, 'accepted'>, at: TopicPartition): readonly Forgiven[] {
  const since = resetsOf(stops.accepted(), at).at(-1) ?? 0
  return stops
    .accepted()
    .filter(
      ({ code, topic, partition, position }) =>
        code === 'BAD_SHARE' && topic === at.topic && partition === at.partition && position > since,
    )
    .map(({ lost }) => lost)
}
