import { EngineError } from '../../base/errors.js'
import { BadShare, badShareKey, type BadShareRule, type AcceptedOffsets } from '../../features/memory/bad-share.js'
import type { PartitionState } from '../../features/plan/plan.js'
import type { LogRecord, Offset, TopicPartition } from '../../log/event-log.js'
import type { RejectedRecord } from '../ground/rejected.js'
import { isTombstone, type Decoded } from '../ground/decode.js'
import { isRedriven } from '../ground/dead-letter-record.js'

/** A chunk up to the record at which the gate closes. */
export interface Kept {
  readonly records: readonly LogRecord[]
  readonly decoded: Decoded
}

/**
 * Stops a partition when too many of its last records are bad, so that a broken schema does not turn a whole topic into
 * dead letters.
 */
export interface PartitionGate {
  /** BAD_SHARE once the gate is closed: nothing after that offset may be consumed. */
  readonly stopped: EngineError | undefined
  /** The share of bad records among the last ones, 0..1. */
  readonly share: number
  /** Counts the records of a chunk before it is folded, and leaves out those after the stop. */
  take(records: readonly LogRecord[], decoded: Decoded): Kept
  /** The state of the partition together with the count, for one commit. */
  readonly state: Pick<PartitionState, 'takeDirty'>
}

export interface PartitionGateOptions {
  readonly at: TopicPartition
  /** Without a rule the gate never closes. */
  readonly rule: BadShareRule | undefined
  /** Stops that an operator accepted. */
  readonly accepted: () => readonly AcceptedOffsets[]
  /** The last offset in the state, and the last that has its result. A stop before `covered` was accepted already. */
  readonly last: Offset
  readonly covered: Offset
  readonly state: PartitionState
  /** Loads the stored value of a key of the partition. */
  readonly load: (key: string) => Promise<Buffer | undefined>
}

const never: BadShareRule = { share: 1, records: 1 }

export async function openPartitionGate({
  at,
  rule = never,
  accepted,
  last,
  covered,
  state,
  load,
}: PartitionGateOptions): Promise<PartitionGate> {
  const counted = new BadShare(rule, rule === never ? undefined : await load(badShareKey), last)
  let stopped: EngineError | undefined

  const stopsAt = (offset: Offset): boolean =>
    offset >= covered && !accepted().some(({ from, to }) => from <= offset && offset <= to)
  if (counted.exceeded && stopsAt(last)) stopped = tooManyBad(at, rule, last)

  /** How many records of the chunk pass: all of them, or those up to the stop. */
  function count(records: readonly LogRecord[], dead: readonly RejectedRecord[]): number {
    let bad = 0
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const letter = dead[bad]?.record === record ? dead[bad++] : undefined
      if (
        isTombstone(record) ||
        isRedriven(record) ||
        !counted.add(record.offset, letter !== undefined, accepted()) ||
        !stopsAt(record.offset)
      )
        continue
      stopped = tooManyBad(at, rule, record.offset, letter)
      return i + 1
    }
    return records.length
  }

  return {
    get stopped() {
      return stopped
    },
    get share() {
      return counted.share
    },
    take(records, decoded) {
      if (rule === never || (counted.share === 0 && decoded.dead.length === 0)) return { records, decoded }
      const kept = count(records, decoded.dead)
      return kept === records.length
        ? { records, decoded }
        : { records: records.slice(0, kept), decoded: upTo(records[kept - 1]!.offset, decoded) }
    },
    state: {
      takeDirty() {
        const dirty = state.takeDirty()
        const blob = counted.takeDirty()
        return blob === undefined
          ? dirty
          : { ...dirty, puts: [...dirty.puts, { key: badShareKey, blob, expiresAtMs: Number.MAX_SAFE_INTEGER }] }
      },
    },
  }
}

function upTo(offset: Offset, { records, events, dead }: Decoded): Decoded {
  const kept = records.filter((record) => record.offset <= offset)
  return {
    records: kept,
    events: events.slice(0, kept.length),
    dead: dead.filter(({ record }) => record.offset <= offset),
  }
}

function tooManyBad(
  { topic, partition }: TopicPartition,
  { share, records }: BadShareRule,
  offset: Offset,
  deadLetter?: RejectedRecord,
): EngineError {
  const lastOne = deadLetter === undefined ? '' : `, the last with ${deadLetter.code}: ${deadLetter.reason}`
  return new EngineError(
    'BAD_SHARE',
    `more than ${+(share * 100).toFixed(2)} % of the last ${records} records of ${topic}/${partition} are ` +
      `bad${lastOne}. Nothing after offset ${offset} is consumed. Correct the producer or the stream, then ` +
      'accept the stop; the dead letters can be redriven',
    { lost: { topic, from: offset, to: offset } },
  )
}
