import type { Clock } from '../../base/clock.js'
import { EngineError, isEngineError } from '../../base/errors.js'
import type { StateStore } from '../../state/state-store.js'
import type { Becomes } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import { riskLevels } from '../../contracts/risks.js'
import type { LogRecord } from '../../log/event-log.js'
import type { Routing } from '../../scorers/routing.js'
import type { SchemaSource } from '../../streams/codec/schema-source.js'
import type { CompiledStream } from '../ground/compiled.js'
import { tenantsAt, type TenantSource } from '../control/tenants.js'
import { decodeChunk, isTombstone, readersFor, withoutFaults, type Decoded } from '../ground/decode.js'
import type { RejectedRecord } from '../ground/rejected.js'
import { FoldFault } from '../ground/record-fault.js'
import { foldChunk, scoreChunk, type FoldedChunk } from '../scoring/folded-chunk.js'
import type { StoredDeadLetter } from '../ground/dead-letter-record.js'

export interface TrialOptions {
  readonly store: StateStore
  readonly schemas?: SchemaSource | undefined
  readonly routing: () => Routing
  /** Those that are known now. */
  readonly tenants: TenantSource
  readonly clock: Clock
  readonly seenIds: number
}

/**
 * Decodes dead letters of one partition with today's schema, as if they came now. A record's offset is its place in the
 * list. REGISTRY_DOWN.
 */
export async function decodeToday(
  stream: CompiledStream,
  deadLetters: readonly StoredDeadLetter[],
  { schemas, tenants, clock }: Pick<TrialOptions, 'schemas' | 'tenants' | 'clock'>,
): Promise<Decoded> {
  const records = deadLetters.map(({ key, value, headers }, offset): LogRecord => ({
    offset,
    timestampMs: clock.nowMs(),
    key,
    value,
    headers,
  }))
  const readers = await readersFor(stream, records, schemas)
  const decoded = decodeChunk(stream, tenantsAt(tenants, Infinity), records, readers)
  const whole = withoutFaults(decoded, new Map(deadLetters.flatMap(cutFault)))
  return { ...whole, dead: [...whole.dead, ...records.filter(isTombstone).map(withoutValue)] }
}

/** Older versions stored tombstones as dead letters. Scoring would skip them, so there is nothing to redrive. */
const withoutValue = (record: LogRecord): RejectedRecord => ({
  record,
  code: 'BAD_FIELD',
  reason: 'the record has no value: it is a tombstone and no event; purge the dead letter',
  stage: 'decode',
})

/** A record that was not kept whole cannot be sent again. */
const cutFault = ({ cutFrom }: StoredDeadLetter, offset: number): [number, EngineError][] =>
  cutFrom === undefined
    ? []
    : [
        [
          offset,
          new EngineError('TOO_LARGE', `the record had ${cutFrom} bytes, and its dead letter has only the first`),
        ],
      ]

/**
 * What the events of dead letters of one partition would become if they came now, in this order. Decodes, folds into a
 * copy of the committed state and scores as the log path does. Writes nothing. STORE_DOWN, REGISTRY_DOWN.
 */
export async function tryDeadLetters(
  stream: CompiledStream,
  partition: number,
  deadLetters: readonly StoredDeadLetter[],
  options: TrialOptions,
): Promise<readonly Becomes[]> {
  const { decoded, folded } = await foldedToday(stream, partition, deadLetters, options)
  const becomes = new Array<Becomes>(deadLetters.length)
  for (const { record, code, reason } of decoded.dead) becomes[record.offset] = { becomes: 'bad', code, reason }
  if (folded === undefined) return becomes
  const block = await scoreChunk(stream, options.routing(), folded, 0)
  for (let row = 0; row < block.rows; row++) {
    const duplicate = block.kinds[row] === 1
    const late = (block.flags[row]! & 1) === 1
    becomes[block.offsets[row]!] = duplicate
      ? { becomes: 'duplicate' }
      : {
          becomes: late ? 'late' : 'scored',
          score: block.scores[row]!,
          risk: riskLevels[block.risks[row]!]!,
          version: block.versions[block.versionOf[row]!]!,
        }
  }
  return becomes
}

/** Decodes and folds. A record that makes the fold throw is one of the dead ones, and the others are folded again. */
async function foldedToday(
  stream: CompiledStream,
  partition: number,
  deadLetters: readonly StoredDeadLetter[],
  options: TrialOptions,
): Promise<{ readonly decoded: Decoded; readonly folded: FoldedChunk | undefined }> {
  let decoded = await decodeToday(stream, deadLetters, options)
  while (decoded.events.length > 0) {
    try {
      return { decoded, folded: await foldCopy(stream, partition, decoded, options) }
    } catch (error) {
      if (!(error instanceof FoldFault)) throw error
      decoded = withoutFaults(decoded, new Map([[error.record.offset, error.reason]]))
    }
  }
  return { decoded, folded: undefined }
}

/** Times to read the state: when the owner commits between two reads, what was read does not fit together. */
const tries = 5

/** Folds events into a copy of the committed state. */
async function foldCopy(stream: CompiledStream, partition: number, decoded: Decoded, { store, seenIds }: TrialOptions) {
  for (let attempt = 1; ; attempt++) {
    try {
      const state = stream.plan.open(limits.cachedEntities, seenIds)
      for (let keys = state.missing(decoded.events); keys.length > 0; keys = state.missing(decoded.events))
        state.admit(keys, await store.load({ stream: stream.stream.name, partition }, keys))
      return foldChunk(stream, state, decoded, -1, decoded.records.at(-1)!.offset)
    } catch (error) {
      if (!isEngineError(error, 'STATE_MISMATCH') || attempt === tries) throw error
    }
  }
}
