import type { Offset, TopicPartition } from '../event-log.js'
import type { Wire } from './link.js'

export interface Bounds {
  readonly first: Offset
  readonly next: Offset
}

/** The first stored offset, or the offset of the next record, of every partition. One request per broker. */
export async function endsOf(
  wire: Wire,
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  end: 'first' | 'next',
): Promise<ReadonlyMap<string, Offset>> {
  await wire.know(topics.map(({ topic }) => topic))
  const asked = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partition) => ({ partition })),
    fromBeginning: end === 'first',
  }))
  const ends = await wire.cluster.fetchTopicsOffset(asked)
  return new Map(
    ends.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [`${topic}/${partition}`, Number(offset)] as const),
    ),
  )
}

/** The first stored offset (or the first at or after a time) and the offset of the next record. */
export async function boundsOf(wire: Wire, { topic, partition }: TopicPartition, sinceMs?: number): Promise<Bounds> {
  await wire.leader({ topic, partition })
  const partitions = [{ partition }]
  const ask = async (when: { fromBeginning: boolean } | { fromTimestamp: number }): Promise<Offset> => {
    const [answer] = await wire.cluster.fetchTopicsOffset([{ topic, partitions, ...when }])
    return Number(answer!.partitions[0]!.offset)
  }
  // In this order, `first <= next` holds even if records are appended or removed in between.
  const first = await ask(sinceMs === undefined ? { fromBeginning: true } : { fromTimestamp: Math.max(0, sinceMs) })
  const next = await ask({ fromBeginning: false })
  return { first: first < 0 ? next : Math.min(first, next), next }
}
