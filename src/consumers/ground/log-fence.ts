import { EngineError } from '../../base/errors.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import { readHeads } from '../../log/blocks/gate.js'
import { patiently, type Patience } from './retry.js'

/** Tells an owner from the log alone that it was replaced: the state store may have forgotten it. */
export interface LogFence {
  /**
   * A record of ours stands at `offset`. FENCED where another owner wrote since the last of ours whose epoch is `least`
   * or larger: what we append is not visible any more, so it must not be committed. Costs nothing while nobody else
   * writes.
   */
  passed(offset: Offset, least: number): Promise<void>
}

export function openLogFence(log: EventLog, at: TopicPartition, from: Offset, patience: Patience): LogFence {
  let next = from
  return {
    async passed(offset, least) {
      const since = next
      next = offset + 1
      if (offset <= since) return
      const heads = await patiently(
        async () => readHeads(log, at, Math.max(since, (await log.bounds(at)).first), offset),
        patience,
      )
      const other = heads.find(({ epoch }) => epoch >= least)
      if (other !== undefined)
        throw new EngineError('FENCED', `${at.topic}/${at.partition} was claimed by an owner of epoch ${other.epoch}`)
    },
  }
}
