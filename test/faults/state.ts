import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { open } from 'lmdb'
import { Redis } from 'ioredis'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { blobPrefix, metaKey, rangeOf } from '../../src/state/lmdb/keys.js'
import { keysOf, metaOf, unframed } from '../../src/state/redis/layout.js'

/** A stored blob: a digest of its bytes, and the event time from which on a store may drop it. */
interface Stored {
  readonly digest: string
  readonly expiresAtMs: number
}

/** The state of all partitions of a stream, byte for byte: per partition its last offset and its blobs by key. */
export type State = readonly { readonly last: number; readonly blobs: ReadonlyMap<string, Stored> }[]

const digestOf = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('base64url')

const partitionsOf = ({ stream }: CompiledStream) =>
  Array.from({ length: stream.partitions }, (_, partition) => ({ stream: stream.name, partition }))

/** Of a directory that no engine holds. */
export function lmdbState(stream: CompiledStream, directory: string): State {
  const database = open<Buffer, Buffer>({
    path: join(directory, 'state.mdb'),
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    useVersions: true,
    readOnly: true,
  })
  try {
    return partitionsOf(stream).map((at) => {
      const meta = JSON.parse(database.getBinary(metaKey(at))?.toString() ?? '{"last":-1,"generation":0}') as {
        last: number
        generation: number
      }
      const prefix = blobPrefix(at, meta.generation)
      const entries = [...database.getRange({ ...rangeOf(prefix), versions: true })]
      return {
        last: meta.last,
        blobs: new Map(
          entries.map(({ key, value, version }) => [
            key.toString().slice(prefix.length + 1),
            { digest: digestOf(value), expiresAtMs: version! },
          ]),
        ),
      }
    })
  } finally {
    void database.close()
  }
}

export async function redisState(stream: CompiledStream, port: number, keyPrefix: string): Promise<State> {
  const redis = new Redis({ port, host: '127.0.0.1' })
  try {
    return await Promise.all(
      partitionsOf(stream).map(async (at) => {
        const keys = keysOf(keyPrefix, at)
        const meta = metaOf(await redis.getBuffer(keys.meta))
        if (meta === undefined) return { last: -1, blobs: new Map<string, Stored>() }
        const { last, since } = meta
        const blobs = new Map<string, Stored>()
        for await (const found of redis.scanStream({
          match: `${keys.blobs.replace(/[\\[\]*?]/g, '\\$&')}*`,
          count: 1_000,
        }) as AsyncIterable<string[]>) {
          if (found.length === 0) continue
          const values = await redis.mgetBuffer(...found)
          for (const [i, key] of found.entries()) {
            const blob = unframed(values[i]!, since)
            if (blob !== undefined)
              blobs.set(key.slice(keys.blobs.length), {
                digest: digestOf(blob),
                expiresAtMs: values[i]!.readDoubleLE(8),
              })
          }
        }
        return { last, blobs }
      }),
    )
  } finally {
    redis.disconnect()
  }
}

export interface StateDifference {
  /** Blobs of the undisturbed run. */
  readonly blobs: number
  readonly different: readonly string[]
}

/** Compares bytes. A blob that may be dropped by `newestMs`, in event time, may be on one side alone. */
export function differenceOf(found: State, expected: State, newestMs: number): StateDifference {
  const different: string[] = []
  for (const [partition, { last, blobs }] of expected.entries()) {
    const other = found[partition]!
    if (other.last !== last) different.push(`partition ${partition} ends at ${other.last} instead of ${last}`)
    for (const key of new Set([...blobs.keys(), ...other.blobs.keys()])) {
      const [mine, theirs] = [blobs.get(key), other.blobs.get(key)]
      if (mine?.digest === theirs?.digest) continue
      const isAlone = mine === undefined || theirs === undefined
      if (!isAlone || (mine ?? theirs)!.expiresAtMs >= newestMs)
        different.push(
          `partition ${partition}, ${JSON.stringify(key)}: ` +
            (mine === undefined ? 'too much' : theirs === undefined ? 'missing' : 'other bytes'),
        )
    }
  }
  return { blobs: expected.reduce((sum, { blobs }) => sum + blobs.size, 0), different }
}
