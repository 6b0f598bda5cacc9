import type { Stream } from '../../streams/stream.js'

/** Key of the blob that counts the events of a partition whose key belongs to another partition. */
export const placementKey = '#placed'

/**
 * Why an event is in another partition than the one of its key: `crc32` and `fnv1a` are the partitioners that chose it,
 * `no-key` and `other-key` say what the record has instead of the event's key.
 */
export const causes = ['crc32', 'fnv1a', 'no-key', 'other-key', 'unknown'] as const
export type Cause = (typeof causes)[number]

/** Misplaced events of one chunk that have the same cause and producer. */
export interface Misplaced {
  readonly cause: Cause
  /** As the record's headers name it; `unknown` without such a header. */
  readonly producer: string
  readonly events: number
}

/** All misplaced events that were folded into the state of a partition. */
export interface PlacementTally {
  readonly events: number
  readonly causes: Readonly<Partial<Record<Cause, number>>>
  readonly producers: Readonly<Record<string, number>>
  /** When the owner scored the last one, epoch ms; absent after a rebuild. */
  readonly seenAtMs?: number
}

/** A tally names so many producers. The events of further ones count as those of `other`. */
const namedProducers = 8

export function countsOf(
  before: PlacementTally | undefined,
  found: readonly Misplaced[],
  seenAtMs: number | undefined,
): PlacementTally {
  const byCause: Partial<Record<Cause, number>> = { ...before?.causes }
  const producers = new Map(Object.entries(before?.producers ?? {}))
  for (const { cause, producer, events } of found) {
    byCause[cause] = (byCause[cause] ?? 0) + events
    const name = producers.has(producer) || producers.size < namedProducers ? producer : 'other'
    producers.set(name, (producers.get(name) ?? 0) + events)
  }
  const latest = seenAtMs ?? before?.seenAtMs
  return {
    events: found.reduce((sum, { events }) => sum + events, before?.events ?? 0),
    causes: byCause,
    producers: Object.fromEntries(producers),
    ...(latest === undefined ? {} : { seenAtMs: latest }),
  }
}

/** 1 byte version, then JSON: it is written only where there are misplaced events, and has at most 1 KiB. */
const version = 1

export const encodePlacement = (tally: PlacementTally): Buffer =>
  Buffer.concat([Buffer.from([version]), Buffer.from(JSON.stringify(tally))])

/** Undefined where there is no blob, or one of another version: the count then begins again. */
export const decodePlacement = (blob: Buffer | undefined): PlacementTally | undefined =>
  blob?.[0] === version ? (JSON.parse(blob.toString('utf8', 1)) as PlacementTally) : undefined

/** What the cause of most misplaced events means, and what to do. */
const advice: Readonly<Record<Cause, (key: string) => string>> = {
  crc32: () =>
    "CRC32 chose their partition, the default of librdkafka clients (confluent-kafka, rdkafka): set 'partitioner' to " +
    "'murmur2_random'",
  fnv1a: () => 'FNV-1a chose their partition, the default of Sarama and of kafka-go: use their murmur2 partitioner',
  'no-key': (key) => `the records have no key: send '${key}' as the key`,
  'other-key': (key) => `the records' key is not the event's '${key}': send '${key}', as plain text, as the key`,
  unknown: () => "another partitioner than murmur2 chose their partition: use the one of Kafka's Java client",
}

/** A sentence about the misplaced events of a stream's partitions. */
export function placementText({ name, key }: Pick<Stream, 'name' | 'key'>, tallies: readonly PlacementTally[]): string {
  const sum = (of: (tally: PlacementTally) => number): number => tallies.reduce((total, one) => total + of(one), 0)
  const [cause] = [...causes].sort((a, b) => sum((one) => one.causes[b] ?? 0) - sum((one) => one.causes[a] ?? 0))
  const producers = new Set(tallies.flatMap((one) => Object.keys(one.producers)))
  producers.delete('unknown')
  const named = producers.size === 0 ? '' : ` (producers: ${[...producers].sort().join(', ')})`
  return (
    `${sum(({ events }) => events)} events of stream ${name} are in another partition than murmur2 of their ` +
    `'${key}' gives${named}: ${advice[cause!](key)}. The history of such a '${key}' may be split`
  )
}

/** Misplaced events that were scored within this time ask for attention. */
const recentMs = 60 * 60 * 1_000

export const isRecent = ({ seenAtMs }: PlacementTally, nowMs: number): boolean =>
  seenAtMs !== undefined && nowMs - seenAtMs < recentMs
