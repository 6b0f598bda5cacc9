import { EngineError } from '../errors.js'
import type { StateStore } from '../features/state-store.js'
import type { Block } from '../log/block.js'
import { encodeBlock } from '../log/block-codec.js'
import type { EventLog, Offset, TopicPartition } from '../log/event-log.js'
import { readTail } from '../log/gate.js'
import type { CompiledStream } from './compiled.js'
import { patiently, type Patience } from './retry.js'

/** A partition taken over: nobody else's commits or blocks count from here on. */
export interface Claimed {
  readonly epoch: number
  /** The last offset folded into the stored state; -1 for none. */
  readonly last: Offset
  /** The last offset that has its visible result; events up to it are folded again but not published again. */
  readonly covered: Offset
  /** Where reading starts. */
  readonly from: Offset
}

/**
 * Claims a partition of a stream: fences the store, marks the predictions topic with the new epoch, and finds what is
 * covered. The order matters: after the marker no older owner's block is visible, so what stands before it is final.
 * Throws LOG_RESET when state or blocks reach beyond the log, GAP when retention has passed the stored state.
 */
export async function claimPartition(log: EventLog, store: StateStore, stream: CompiledStream, partition: number, patience: Patience): Promise<Claimed> {
  const events: TopicPartition = { topic: stream.topics.events, partition }
  const predictions: TopicPartition = { topic: stream.topics.predictions, partition }
  const before = await patiently(() => readTail(log, predictions), patience)
  const claim = await patiently(() => store.claim({ stream: stream.stream.name, partition }, stream.stateIdentity, before.epoch), patience)
  await refuseLostPredictions(log, predictions, claim.last, before.covered)
  const after = Math.max(before.covered, claim.last)
  const marker = encodeBlock(markerBlock(stream, claim.epoch, after))
  await patiently(() => log.append(predictions, [{ key: null, value: marker }]), patience)
  const { covered } = await patiently(() => readTail(log, predictions), patience)
  const bounds = await patiently(() => log.bounds(events), patience)
  const reached = Math.max(claim.last, covered)
  if (reached >= bounds.next)
    throw new EngineError('LOG_RESET', `${describe(events)} ends at offset ${bounds.next - 1}, but offset ${reached} was already scored: the topic was recreated or cut. Restore it, or remove the stream's state and predictions together`)
  if (claim.last >= 0 && claim.last + 1 < bounds.first)
    throw new EngineError('GAP', `${describe(events)} begins at offset ${bounds.first}, the state stands at ${claim.last}: retention removed events before they were scored`)
  return { epoch: claim.epoch, last: claim.last, covered, from: Math.max(claim.last + 1, bounds.first) }
}

/** State is committed only after its blocks are durable, so blocks that end before it were lost. */
async function refuseLostPredictions(log: EventLog, predictions: TopicPartition, last: Offset, covered: Offset): Promise<void> {
  if (covered >= 0 && covered < last) throw new EngineError('GAP', `${describe(predictions)} ends with offset ${covered}, the state stands at ${last}: predictions were lost. Restore the topic, or remove the stream's state so that it is rebuilt`)
  if (covered < 0 && last >= 0 && (await log.bounds(predictions)).next === 0)
    throw new EngineError('LOG_RESET', `${describe(predictions)} is empty, but the state stands at ${last}: the topic was recreated. Restore it, or remove the stream's state`)
}

const describe = (at: TopicPartition): string => `${at.topic}/${at.partition}`

/** A block without rows: it only tells readers the epoch from which on older owners are ignored. */
export const markerBlock = (stream: CompiledStream, epoch: number, at: Offset): Block => ({
  after: at,
  last: at,
  epoch,
  control: 0,
  fingerprint: stream.plan.fingerprint,
  width: stream.plan.width,
  rows: 0,
  offsets: new Float64Array(),
  recordTimes: new Float64Array(),
  eventTimes: new Float64Array(),
  eventIds: [],
  tenants: [],
  entities: [],
  kinds: new Uint8Array(),
  by: new Uint8Array(),
  risks: new Uint8Array(),
  flags: new Uint8Array(),
  scores: new Float32Array(),
  vectors: new Float32Array(),
  versions: [],
  versionOf: new Uint16Array(),
  reasons: [],
})
