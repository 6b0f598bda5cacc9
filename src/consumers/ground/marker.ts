import type { Block } from '../../log/blocks/block.js'
import type { Offset } from '../../log/event-log.js'
import type { CompiledStream } from './compiled.js'

/** A block without rows: it only tells readers the epoch from which on older owners are ignored. */
export const markerBlock = (stream: CompiledStream, epoch: number, at: Offset, control: Offset): Block => ({
  after: at,
  last: at,
  epoch,
  control,
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
