import { EngineError } from '../../base/errors.js'
import { readHeads } from '../../log/blocks/gate.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'

/** Finds out from the log alone that an owner was replaced: the state store may have forgotten it. */
export interface LogFence {
  /**
   * Call it with the offset of every record that this owner appended. FENCED where another owner wrote since the
   * last one, with an epoch of `least` or more: what we append is not visible any more, so it must not be committed.
   * Reads nothing while nobody else writes.
   */
  passed(offset: Offset, least: number): Promise<void>
}

export function openLogFence(log: LogView, at: TopicPartition, from: Offset): LogFence {
  let next = from
  return {
    async passed(offset, least) {
      const since = next
      next = offset + 1
      if (offset <= since) return
      const heads = await readHeads(log, at, Math.max(since, (await log.bounds(at)).first), offset)
      const other = heads.find(({ epoch }) => epoch >= least)
      if (other === undefined) return
      throw new EngineError('FENCED', `${at.topic}/${at.partition} was claimed by an owner of epoch ${other.epoch}`)
    },
  }
}
