import { partitionOf } from '../../src/base/keys.js'
import type { AvroRecord } from '../../src/contracts/streams.js'
import type { NewRecord } from '../../src/log/event-log.js'
import { eventCodec } from '../../src/streams/codec/codec.js'
import type { SchemaSource, WriterSchema } from '../../src/streams/codec/schema-source.js'
import { seededRandom, type Random } from '../simulation/random.js'
import { mutatedBytes, mutatedJson } from './mutate.js'
import { orders } from './stream.js'
import { foreignBytes, foreignText } from './values.js'

/** A record to append, and what must become of it. */
export interface Fuzzed {
  readonly partition: number
  readonly record: NewRecord
  /** The id of a good event, which must be scored; undefined for a record that may be anything. */
  readonly good?: string
}

/** Good events belong to tenants that no mutated record starts from. */
const good = ['acme', 'borealis', 'cobalt'] as const
export const goodTenants: ReadonlySet<string> = new Set(good)
const wildTenants = ['wild', 'wilder', 'Zürich'] as const
export const tenants: ReadonlySet<string> = new Set([...good, ...wildTenants])

const startMs = Date.UTC(2026, 0, 5)
const goodShare = 0.5
const partitions = orders.partitions

const codec = eventCodec(orders)
const own = orders.schema

/** The stream's own schema with the type of one field changed. */
function withField(name: string, type: unknown, rest: object = {}): AvroRecord {
  const fields = own.fields.map((field) => (field.name === name ? { name, type, ...rest } : field))
  return { ...own, fields }
}

const avro = (record: AvroRecord): WriterSchema => ({ kind: 'avro', record })

/** What a registry answers: the own schema, later schemas of producers, and schemas that are no event. */
const registered: ReadonlyMap<number, WriterSchema> = new Map<number, WriterSchema>([
  [1, avro(own)],
  [2, avro(withField('card', ['null', 'string']))],
  [3, avro(withField('at', { type: 'long', logicalType: 'timestamp-micros' }))],
  [4, avro(withField('items', 'long'))],
  [5, avro(withField('kind', { type: 'enum', name: 'Kind', symbols: ['card', 'cash', 'other', 'coin'] }))],
  [6, avro(withField('note', ['null', 'string'], { default: 'x' }))],
  [7, avro({ ...own, fields: own.fields.filter(({ name }) => name !== 'shop') })],
  [8, { kind: 'unfit', why: 'it is a string' }],
])
const unknown: WriterSchema = { kind: 'unknown' }

export const registry: SchemaSource = {
  resolve: (ids) => Promise.resolve(new Map([...ids].map((id) => [id, registered.get(id) ?? unknown]))),
}

/** Every record follows from the seed and its number alone. */
export function* fuzzed(seed: number, records: number): Generator<Fuzzed> {
  const random = seededRandom(seed, 'fuzz')
  for (let number = 0; number < records; number++)
    yield random.chance(goodShare) ? goodRecord(number, random) : wildRecord(number, random)
}

function eventOf(number: number, tenant: string, random: Random): Readonly<Record<string, unknown>> {
  const at = startMs + number * 20 + random.below(2_000)
  return {
    event_id: `e${number}`,
    tenant_id: tenant,
    card: `c${random.below(500)}`,
    shop: random.chance(0.2) ? null : `s${random.below(50)}`,
    at,
    opened_at: random.chance(0.5) ? null : at - random.below(1e8),
    rate: Math.fround(random.next()),
    total: random.chance(0.2) ? null : random.between(-10, 1_000),
    items: random.below(9),
    serial: random.below(1e9),
    paid: random.chance(0.5),
    kind: random.pick(['card', 'cash', 'other']),
    note: random.chance(0.5) ? null : 'a note with ümlauts',
  }
}

function goodRecord(number: number, random: Random): Fuzzed {
  const tenant = random.pick(good)
  const event = eventOf(number, tenant, random)
  const value = random.pick([
    () => codec.encodeJson(event),
    () => codec.encodeAvro(event),
    () => codec.encodeWire(1, event),
  ])()
  return {
    partition: partitionOf(Buffer.from(tenant), partitions),
    record: { key: Buffer.from(tenant), value, timestampMs: startMs + number * 20 + 2_000 },
    good: `e${number}`,
  }
}

function wildRecord(number: number, random: Random): Fuzzed {
  const event = eventOf(number, random.pick(wildTenants), random)
  return {
    partition: random.below(partitions),
    record: {
      key: random.chance(0.8) ? Buffer.from(event['tenant_id'] as string) : wildKey(random),
      value: wildValue(event, random),
      ...(random.chance(0.3) ? { headers: wildHeaders(random) } : {}),
      ...wildTime(number, random),
    },
  }
}

function wildValue(event: Readonly<Record<string, unknown>>, random: Random): Buffer | null {
  const kind = random.below(100)
  if (kind < 50) return mutatedJson(event, random)
  if (kind < 60) return mutatedBytes(codec.encodeJson(event), random)
  if (kind < 75) return mutatedBytes(codec.encodeAvro(event), random)
  if (kind < 85) return mutatedBytes(codec.encodeWire(1 + random.below(9), event), random)
  if (kind < 90) return codec.encodeWire(1 + random.below(9), event)
  if (kind < 95) return foreignBytes(random)
  if (kind < 97) return null
  // A value above the limit costs as much as ten thousand others.
  if (kind < 98 && random.chance(0.002)) return Buffer.alloc(2_000_000, 0x20)
  return codec.encodeJson(event)
}

const wildKey = (random: Random): Buffer | null => (random.chance(0.3) ? null : foreignBytes(random))

const headerNames = [
  'tenant',
  'event_id',
  '__proto__',
  'constructor',
  'redrive-attempt',
  'redrive-origin',
  'dead-letter-offset',
  'dead-letter-partition',
  '',
  'x-trace',
] as const

function wildHeaders(random: Random): Readonly<Record<string, Buffer>> {
  const entries = Array.from({ length: 1 + random.below(4) }, () => [
    random.pick(headerNames),
    random.chance(0.5) ? Buffer.from(foreignText(random)) : foreignBytes(random),
  ])
  return Object.fromEntries(entries) as Record<string, Buffer>
}

const wildTimes = [0, -1, 1, 1_767_686_400, 1_767_686_400_000_000, 253_402_300_800_000, -62_135_596_800_000] as const

function wildTime(number: number, random: Random): { readonly timestampMs?: number } {
  if (random.chance(0.7)) return { timestampMs: startMs + number * 20 + 2_000 }
  return random.chance(0.2) ? {} : { timestampMs: random.pick(wildTimes) }
}
