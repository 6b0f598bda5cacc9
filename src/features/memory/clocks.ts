import { checkVersion } from './seen-ids.js'
import { blobVersion } from './blob.js'
import { newClock, type Candidate, type Clock, type Touched } from './time-mark.js'

/** Key of the blob with the clocks of the tenants. */
export const clocksKey = '#clocks'

/** Bytes of one clock without its texts and candidates, of a candidate without its texts, of a touched entity. */
const [clockBytes, candidateBytes, touchedBytes] = [22, 33, 6]

const textBytes = (text: string): number => Buffer.byteLength(text)

const candidateSize = ({ source, touched = [] }: Candidate): number =>
  candidateBytes + textBytes(source) + touched.reduce((sum, { id }) => sum + touchedBytes + textBytes(id), 0)

export const clockSize = ({ owner, sole = '', candidates }: Clock): number =>
  clockBytes + textBytes(owner) + textBytes(sole) + candidates.reduce((sum, one) => sum + candidateSize(one), 0)

/** 1 byte version, then the clocks in the order of the tenants' first events. */
export function encodeClocks(clocks: readonly Clock[]): Buffer {
  const blob = Buffer.alloc(clocks.reduce((sum, clock) => sum + clockSize(clock), 1))
  blob[0] = blobVersion
  let at = 1
  for (const clock of clocks) at = writeClock(blob, at, clock)
  return blob
}

export function decodeClocks(blob: Buffer): readonly Clock[] {
  checkVersion(blob)
  const clocks: Clock[] = []
  const from: Cursor = { blob, at: 1 }
  while (from.at < blob.length) clocks.push(readClock(from))
  return clocks
}

/**
 * 8 bytes confirmed time, 4 bytes next id, 1 byte (1: several sources, 2: one source), owner, that source, 1 byte
 * number of candidates. Texts are UTF-8 after 4 bytes with their length.
 */
export function writeClock(blob: Buffer, start: number, clock: Clock): number {
  let at = blob.writeDoubleLE(clock.confirmedMs, start)
  at = blob.writeUInt32LE(clock.nextId, at)
  at = blob.writeUInt8(clock.several ? 1 : clock.sole === undefined ? 0 : 2, at)
  at = writeText(blob, at, clock.owner)
  at = writeText(blob, at, clock.sole ?? '')
  at = blob.writeUInt8(clock.candidates.length, at)
  for (const candidate of clock.candidates) at = writeCandidate(blob, at, candidate)
  return at
}

/** 4 bytes id, two times, 4 bytes events, 1 byte (1: follows, 2: has copies), source, number of touched entities. */
function writeCandidate(blob: Buffer, start: number, candidate: Candidate): number {
  const { id, source, newestMs, secondMs, events, follows, touched } = candidate
  let at = blob.writeUInt32LE(id, start)
  at = blob.writeDoubleLE(newestMs, at)
  at = blob.writeDoubleLE(secondMs, at)
  at = blob.writeUInt32LE(events, at)
  at = blob.writeUInt8((follows ? 1 : 0) + (touched === undefined ? 0 : 2), at)
  at = writeText(blob, at, source)
  at = blob.writeUInt32LE(touched?.length ?? 0, at)
  for (const one of touched ?? []) at = writeText(blob, blob.writeUInt16LE(one.kind, at), one.id)
  return at
}

function writeText(blob: Buffer, at: number, text: string): number {
  const length = blob.write(text, at + 4)
  blob.writeUInt32LE(length, at)
  return at + 4 + length
}

/** A place in a blob that is being read. */
export interface Cursor {
  readonly blob: Buffer
  at: number
}

export function readClock(from: Cursor): Clock {
  const { blob, at } = from
  const [confirmedMs, nextId, sources] = [blob.readDoubleLE(at), blob.readUInt32LE(at + 8), blob.readUInt8(at + 12)]
  from.at += 13
  const owner = readText(from)
  const sole = readText(from)
  const count = blob.readUInt8(from.at++)
  const candidates = Array.from({ length: count }, () => readCandidate(from))
  return {
    ...newClock(owner),
    confirmedMs,
    nextId,
    several: sources === 1,
    sole: sources === 2 ? sole : undefined,
    candidates,
  }
}

function readCandidate(from: Cursor): Candidate {
  const { blob, at } = from
  const flags = blob.readUInt8(at + 24)
  from.at += 25
  const source = readText(from)
  const count = blob.readUInt32LE(from.at)
  from.at += 4
  const touched = Array.from({ length: count }, (): Touched => {
    const kind = blob.readUInt16LE(from.at)
    from.at += 2
    return { kind, id: readText(from) }
  })
  return {
    id: blob.readUInt32LE(at),
    source,
    newestMs: blob.readDoubleLE(at + 4),
    secondMs: blob.readDoubleLE(at + 12),
    events: blob.readUInt32LE(at + 20),
    follows: (flags & 1) === 1,
    touched: (flags & 2) === 2 ? touched : undefined,
  }
}

function readText(from: Cursor): string {
  const length = from.blob.readUInt32LE(from.at)
  from.at += 4 + length
  return from.blob.toString('utf8', from.at - length, from.at)
}

/** The oldest of the confirmed times; -Infinity while there is none. */
export function oldestMs(clocks: readonly Clock[]): number {
  let oldest = Infinity
  for (const { confirmedMs } of clocks) if (confirmedMs > -Infinity) oldest = Math.min(oldest, confirmedMs)
  return oldest === Infinity ? -Infinity : oldest
}
