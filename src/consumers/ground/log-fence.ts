import { EngineError } from '../../base/errors.js'
import { readHeads } from '../../log/blocks/gate.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'

/** Detects from the log alone that an owner was replaced. A state store that was emptied cannot detect it. */
export interface LogFence {
  /**
   * Call it with the offset of every record that this owner appended. Throws FENCED if another owner wrote since the
   * last call with an epoch of `least` or more: blocks of this owner are then invisible, and it must not commit. Reads
   * nothing while no other owner writes.
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
