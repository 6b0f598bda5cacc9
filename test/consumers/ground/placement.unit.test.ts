import { strict as assert } from 'node:assert'
import { crc32 } from 'node:zlib'
import { describe, test } from 'vitest'
import { fnv1a, partitionOf } from '../../../src/base/keys.js'
import { decodePlacement, isRecent, placementText } from '../../../src/consumers/ground/misplaced.js'
import { openPlacement } from '../../../src/consumers/ground/placement.js'
import type { Event } from '../../../src/features/feature.js'
import type { LogRecord } from '../../../src/log/event-log.js'

const stream = { name: 'pay', key: 'tenant_id', partitions: 16 }
const tenants = Array.from({ length: 400 }, (_, i) => `tenant-${i}`)

interface Sent {
  readonly tenant: string
  readonly key?: string | null
  readonly headers?: Readonly<Record<string, Buffer>>
}

const recordOf = ({ tenant, key = tenant, headers = {} }: Sent): LogRecord => ({
  offset: 0,
  timestampMs: 0,
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from('{}'),
  headers,
})
const eventOf = ({ tenant }: Sent): Event => ({ tenant_id: tenant })

/** What every partition together counts when a partitioner chose the partitions. */
function countedBy(choose: (key: Buffer) => number, sent: (tenant: string) => Sent = (tenant) => ({ tenant })) {
  const counts: Record<string, number> = {}
  for (let partition = 0; partition < stream.partitions; partition++) {
    const here = tenants.filter((tenant) => choose(Buffer.from(tenant)) === partition).map(sent)
    const found = openPlacement(stream, partition, undefined).take(here.map(recordOf), here.map(eventOf), 5) ?? []
    for (const { cause, events } of found) counts[cause] = (counts[cause] ?? 0) + events
  }
  return counts
}

const crc = (key: Buffer): number => crc32(key) % stream.partitions
const sarama = (key: Buffer): number => Math.abs((fnv1a(key) | 0) % stream.partitions)
const strays = (choose: (key: Buffer) => number): number =>
  tenants.filter((one) => choose(Buffer.from(one)) !== partitionOf(Buffer.from(one), stream.partitions)).length

describe('the partitions of events', () => {
  test('are those of their keys when a producer hashes with murmur2', () => {
    assert.deepEqual(
      countedBy((key) => partitionOf(key, stream.partitions)),
      {},
    )
  })

  test("show librdkafka's default partitioner", () => {
    assert.deepEqual(countedBy(crc), { crc32: strays(crc) })
    // The check value of CRC-32/ISO-HDLC, which librdkafka's rd_crc32 computes; a test with librdkafka is in
    // test/e2e/foreign-producers.e2e.test.ts.
    assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926)
  })

  test('show the partitioner of Sarama and kafka-go, but for what chance gives to CRC32', () => {
    assert.deepEqual([fnv1a(Buffer.from('')), fnv1a(Buffer.from('foobar'))], [0x811c9dc5, 0xbf9cf968])
    const { fnv1a: named = 0, crc32: byChance = 0, ...rest } = countedBy(sarama)
    assert.deepEqual(rest, {})
    assert.equal(named + byChance, strays(sarama))
    assert.ok(named > 8 * byChance, `${named} and ${byChance}`)
  })

  test('show records without a key, with another key, and partitioners that nobody knows', () => {
    const spread = (key: Buffer): number => key.length + (key.at(-1)! % 13)
    const missing = countedBy(spread, (tenant) => ({ tenant, key: null }))
    assert.deepEqual(Object.keys(missing), ['no-key'])
    assert.deepEqual(Object.keys(countedBy(spread, (tenant) => ({ tenant, key: `"${tenant}"` }))), ['other-key'])
    assert.ok((countedBy(spread)['unknown'] ?? 0) > 0)
  })

  test('count nothing in a topic of one partition', () => {
    const one = { tenant: 'acme', key: null }
    assert.equal(
      openPlacement({ ...stream, partitions: 1 }, 0, undefined).take([recordOf(one)], [eventOf(one)], 1),
      undefined,
    )
  })
})

describe('the count of misplaced events', () => {
  const partition = 3
  const stray = tenants.find(
    (one) => crc(Buffer.from(one)) === partition && partitionOf(Buffer.from(one), 16) !== partition,
  )!
  const take = (placement: ReturnType<typeof openPlacement>, sent: readonly Sent[], atMs?: number) =>
    placement.take(sent.map(recordOf), sent.map(eventOf), atMs)

  test('continues from its blob, and is written only when it changed', () => {
    const first = openPlacement(stream, partition, undefined)
    assert.equal(first.takeDirty(), undefined)
    take(first, [{ tenant: stray }, { tenant: stray }], 100)
    const blob = first.takeDirty()!
    assert.equal(first.takeDirty(), undefined)
    const second = openPlacement(stream, partition, blob)
    assert.equal(second.takeDirty(), undefined)
    take(second, [{ tenant: stray, headers: { producer: Buffer.from('till 7\n') } }])
    assert.deepEqual(decodePlacement(second.takeDirty()), {
      events: 3,
      causes: { crc32: 3 },
      producers: { unknown: 2, till_7_: 1 },
      seenAtMs: 100,
    })
  })

  test('names a bounded number of producers, and no inherited property of headers', () => {
    const placement = openPlacement(stream, partition, undefined)
    const sent = Array.from({ length: 50 }, (_, i) => ({ tenant: stray, headers: { ce_source: Buffer.from(`p${i}`) } }))
    take(placement, [...sent, { tenant: stray, headers: { constructor: Buffer.from('x') } }], 1)
    const { producers } = decodePlacement(placement.takeDirty())!
    assert.equal(Object.keys(producers).length, 9)
    assert.equal(producers['other'], 43)
  })

  test('asks for attention for an hour after the last one, and not after a rebuild', () => {
    const tally = { events: 1, causes: {}, producers: {} }
    const hourMs = 3_600_000
    assert.deepEqual(
      [
        isRecent({ ...tally, seenAtMs: 0 }, hourMs - 1),
        isRecent({ ...tally, seenAtMs: 0 }, hourMs),
        isRecent(tally, 0),
      ],
      [true, false, false],
    )
  })

  test('says what to set in the producer', () => {
    const text = placementText(stream, [
      { events: 2, causes: { crc32: 1, fnv1a: 1 }, producers: { unknown: 1, till: 1 } },
      { events: 3, causes: { crc32: 3 }, producers: { unknown: 3 } },
    ])
    assert.match(text, /^5 events of stream pay .*\(producers: till\).*'partitioner' to 'murmur2_random'/)
    assert.match(
      placementText(stream, [{ events: 1, causes: { 'no-key': 1 }, producers: {} }]),
      /send 'tenant_id' as the key/,
    )
  })
})
