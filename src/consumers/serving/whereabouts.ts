import { keySeparator, partitionOf } from '../../base/keys.js'
import { limits } from '../../base/limits.js'
import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import type { Event } from '../../features/feature.js'
import type { StateStore } from '../../state/state-store.js'
import type { CompiledStream } from '../ground/compiled.js'
import { placementKey } from '../ground/misplaced.js'

/** The partition whose state answers for an event or an entity. */
export interface Place {
  readonly partition: number
  /** Several partitions hold a part of the history, because producers chose partitions in different ways. */
  readonly isSplit: boolean
}

/**
 * Finds the state of events and entities. It is in the partition that murmur2 of the key gives, unless producers chose
 * another one. Then the partition that holds the entities answers.
 */
export interface Whereabouts {
  /** Errors of `StateStore.load`. */
  ofEvent(stream: CompiledStream, event: Event): Promise<Place>
  /** The partitions in which an entity of this tenant may be; the first one is the most likely. */
  candidates(stream: CompiledStream, tenant: string): Promise<readonly number[]>
}

export function openWhereabouts(store: Pick<StateStore, 'load'>, clock: Clock): Whereabouts {
  const strays = followStrays(store, clock)

  /** The partition of the key, and those with misplaced events. */
  async function placesOf(stream: CompiledStream, key: Buffer): Promise<number[]> {
    const home = partitionOf(key, stream.stream.partitions)
    return [home, ...(await strays(stream)).filter((partition) => partition !== home)]
  }

  return {
    async ofEvent(stream, event) {
      const partitions = await placesOf(stream, stream.codec.keyOf(event))
      if (partitions.length === 1) return { partition: partitions[0]!, isSplit: false }
      const keys = stream.plan
        .open(Number.MAX_SAFE_INTEGER, 0)
        .missing([event])
        .filter((key) => isOfTenant(stream, key))
      const held = await Promise.all(
        partitions.map(async (partition) => {
          const blobs = await store.load({ stream: stream.stream.name, partition }, keys)
          return blobs.filter((blob) => blob !== undefined).length
        }),
      )
      const most = held.indexOf(Math.max(...held))
      return { partition: partitions[most]!, isSplit: held.filter((count) => count > 0).length > 1 }
    },
    candidates: async (stream, tenant) =>
      stream.stream.key === stream.stream.tenant
        ? placesOf(stream, Buffer.from(tenant))
        : Array.from({ length: stream.stream.partitions }, (_, partition) => partition),
  }
}

/** Whether a state key is that of an entity of a tenant. Other entities have a history in every partition. */
export function isOfTenant({ stream }: CompiledStream, key: string): boolean {
  const end = key.indexOf(keySeparator)
  return end > 0 && stream.entities[key.slice(0, end)]?.scope === 'tenant'
}

interface Known {
  readonly atMs: number
  readonly partitions: Promise<readonly number[]>
}

/** Reads which partitions of a stream hold misplaced events, at most once in `limits.straysKnownMs`. */
function followStrays(
  store: Pick<StateStore, 'load'>,
  clock: Clock,
): (stream: CompiledStream) => Promise<readonly number[]> {
  const known = new Map<string, Known>()

  async function read({ stream }: CompiledStream, before: readonly number[]): Promise<readonly number[]> {
    const partitions = Array.from({ length: stream.partitions }, (_, partition) => partition)
    const isStray = await Promise.all(
      partitions.map((partition) =>
        store.load({ stream: stream.name, partition }, [placementKey]).then(
          ([blob]) => blob !== undefined,
          // Nothing can be read of a partition that is being rebuilt. What was known of it still holds.
          (error: unknown) =>
            isEngineError(error, 'REBUILDING') ? before.includes(partition) : Promise.reject(error as Error),
        ),
      ),
    )
    return partitions.filter((partition) => isStray[partition])
  }

  return async (stream) => {
    const { name, partitions } = stream.stream
    if (partitions === 1) return []
    const last = known.get(name)
    if (last !== undefined && clock.nowMs() - last.atMs < limits.straysKnownMs) return last.partitions
    const before = (await last?.partitions.catch(() => undefined)) ?? []
    const next = { atMs: clock.nowMs(), partitions: read(stream, before) }
    known.set(name, next)
    // After an error, the next call reads again.
    next.partitions.catch(
      () => known.get(name) === next && known.set(name, { atMs: 0, partitions: Promise.resolve(before) }),
    )
    return next.partitions
  }
}
