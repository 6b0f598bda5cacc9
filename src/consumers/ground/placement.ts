import { crc32 } from 'node:zlib'
import { fnv1a, partitionOf } from '../../base/keys.js'
import type { Event } from '../../features/feature.js'
import type { LogRecord } from '../../log/event-log.js'
import type { Stream } from '../../streams/stream.js'
import {
  countsOf,
  decodePlacement,
  encodePlacement,
  type Cause,
  type Misplaced,
  type PlacementTally,
} from './misplaced.js'

/**
 * Compares the partition of each event with the one that murmur2 of its key gives. Readers look for an event's history
 * there, so a producer with another partitioner, without a key or with another key splits histories.
 */
export interface Placement {
  /** Counts the misplaced events of a chunk before it is folded; undefined where there are none. */
  take(records: readonly LogRecord[], events: readonly Event[], seenAtMs: number | undefined): Misplaced[] | undefined
  /** The blob of everything counted so far, if it changed since the last call. */
  takeDirty(): Buffer | undefined
}

/** Partitions of this many keys are remembered, ~100 bytes each. Then computing them begins again. */
const rememberedKeys = 10_000

/** `blob` is the stored one of the partition. */
export function openPlacement(
  { key: column, partitions }: Pick<Stream, 'key' | 'partitions'>,
  partition: number,
  blob: Buffer | undefined,
): Placement {
  let tally: PlacementTally | undefined = decodePlacement(blob)
  let isDirty = false
  const keys = new Map<string, Key>()
  let last: Key | undefined

  function keyOf(text: string): Key {
    if (text === last?.text) return last
    let key = keys.get(text)
    if (key === undefined) {
      if (keys.size >= rememberedKeys) keys.clear()
      const bytes = Buffer.from(text)
      const isHome = partitionOf(bytes, partitions) === partition
      keys.set(
        text,
        (key = { text, bytes, isHome, chosenBy: isHome ? 'unknown' : choiceOf(bytes, partition, partitions) }),
      )
    }
    return (last = key)
  }

  return {
    take(records, events, seenAtMs) {
      if (partitions === 1) return undefined
      let found: Map<string, { cause: Cause; producer: string; events: number }> | undefined
      for (let i = 0; i < events.length; i++) {
        const key = keyOf(events[i]![column] as string)
        if (key.isHome) continue
        found ??= new Map()
        const [cause, producer] = [causeOf(key, records[i]!), producerOf(records[i]!)]
        const one = found.get(cause + producer)
        if (one === undefined) found.set(cause + producer, { cause, producer, events: 1 })
        else one.events++
      }
      if (found === undefined) return undefined
      const misplaced = [...found.values()]
      tally = countsOf(tally, misplaced, seenAtMs)
      isDirty = true
      return misplaced
    },
    takeDirty() {
      if (!isDirty || tally === undefined) return undefined
      isDirty = false
      return encodePlacement(tally)
    },
  }
}

interface Key {
  readonly text: string
  readonly bytes: Buffer
  /** Whether murmur2 gives this partition. */
  readonly isHome: boolean
  /** The partitioner that gives this partition. */
  readonly chosenBy: Cause
}

function causeOf({ bytes, chosenBy }: Key, { key }: LogRecord): Cause {
  if (key === null) return 'no-key'
  return key.equals(bytes) ? chosenBy : 'other-key'
}

/** Where chance lets several partitioners choose the same partition, the more widespread one is named. */
function choiceOf(bytes: Buffer, partition: number, partitions: number): Cause {
  if (crc32(bytes) % partitions === partition) return 'crc32'
  // Sarama and kafka-go take the remainder of a signed number, and drop its sign.
  if (Math.abs((fnv1a(bytes) | 0) % partitions) === partition) return 'fnv1a'
  return 'unknown'
}

/** Header names by which producers usually name themselves; the first one that is there counts. */
const producerHeaders = ['producer', 'client-id', 'client.id', 'ce_source', 'source', 'application', 'service.name']

/** The name that the record's headers give its producer, in at most 64 plain characters; else `unknown`. */
export function producerOf({ headers }: Pick<LogRecord, 'headers'>): string {
  const name = producerHeaders.find((header) => Object.hasOwn(headers, header) && headers[header]!.length > 0)
  if (name === undefined) return 'unknown'
  return headers[name]!.toString('latin1', 0, 64).replace(/[^\w.:/@-]/g, '_')
}
