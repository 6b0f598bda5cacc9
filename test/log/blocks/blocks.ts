import fc from 'fast-check'
import type { Block } from '../../../src/log/blocks/block.js'

/** A block of an epoch that covers (after, last]; one row per offset, or the rows of `offsets`. */
export function block(
  epoch: number,
  after: number,
  last: number,
  offsets = Array.from({ length: last - after }, (_, i) => after + 1 + i),
): Block {
  const rows = offsets.length
  const width = 2
  return {
    after,
    last,
    epoch,
    control: 3,
    fingerprint: 'f00',
    width,
    rows,
    offsets: Float64Array.from(offsets),
    recordTimes: Float64Array.from(offsets, (offset) => 1_000 + offset),
    eventTimes: Float64Array.from(offsets, (offset) => 500 + offset),
    eventIds: offsets.map((offset) => `event-${offset}`),
    tenants: offsets.map((offset) => (offset % 2 === 0 ? 'even' : 'odd')),
    entities: offsets.map((offset) => `person-${offset}`),
    kinds: Uint8Array.from(offsets, () => 0),
    by: Uint8Array.from(offsets, (offset) => offset % 2),
    risks: Uint8Array.from(offsets, (offset) => offset % 3),
    flags: Uint8Array.from(offsets, (offset) => offset % 2),
    scores: Float32Array.from(offsets, (offset) => offset / 8),
    vectors: Float32Array.from(offsets.flatMap((offset) => [offset, -offset])),
    versions: ['v1'],
    versionOf: new Uint16Array(rows),
    reasons: offsets.map((offset) => (offset % 2 === 0 ? '' : 'speed_kmh')),
  }
}

export const marker = (epoch: number, after: number): Block => block(epoch, after, after)

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom('', 'a'.repeat(127), 'a'.repeat(128), 'é'.repeat(70)),
)

/** Arbitrary blocks, including ones that no scorer builds. */
export const anyBlock: fc.Arbitrary<Block> = fc
  .record({ rows: fc.nat(40), width: fc.nat(5) })
  .chain(({ rows, width }) => {
    const of = <Value>(arbitrary: fc.Arbitrary<Value>, length = rows): fc.Arbitrary<Value[]> =>
      fc.array(arbitrary, { minLength: length, maxLength: length })
    const f64 = of(fc.double({ noNaN: true })).map((values) => Float64Array.from(values))
    const u8 = of(fc.nat(255)).map((values) => Uint8Array.from(values))
    return fc.record({
      after: fc.integer({ min: -1 }),
      last: fc.integer({ min: -1 }),
      epoch: fc.nat(),
      control: fc.maxSafeNat(),
      fingerprint: text,
      width: fc.constant(width),
      rows: fc.constant(rows),
      offsets: f64,
      recordTimes: f64,
      eventTimes: f64,
      eventIds: of(text),
      tenants: of(text),
      entities: of(text),
      kinds: u8,
      by: u8,
      risks: u8,
      flags: u8,
      scores: of(fc.float()).map((values) => Float32Array.from(values)),
      vectors: of(fc.float(), rows * width).map((values) => Float32Array.from(values)),
      versions: fc.array(text, { maxLength: 4 }),
      versionOf: of(fc.nat(0xffff)).map((values) => Uint16Array.from(values)),
      reasons: of(text),
    })
  })
