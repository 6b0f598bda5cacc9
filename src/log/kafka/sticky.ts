/** What the leader knows about a joining member. Partitions are named `topic/partition`. */
export interface Joining {
  readonly id: string
  readonly topics: readonly string[]
  /** The partitions that it works on, including those whose work is ending. */
  readonly owned: readonly string[]
  /** The last generation of which it was a member. When two members claim a partition, the newer generation wins. */
  readonly generation: number
}

const topicOf = (partition: string): string => partition.slice(0, partition.lastIndexOf('/'))

/** The owner of each existing partition: the member that claims it with the newest generation. */
function ownersOf(members: readonly Joining[], partitions: ReadonlySet<string>): Map<string, Joining> {
  const owners = new Map<string, Joining>()
  for (const member of members)
    for (const partition of member.owned) {
      const other = owners.get(partition)
      if (partitions.has(partition) && (other === undefined || other.generation < member.generation))
        owners.set(partition, member)
    }
  return owners
}

/** The number of partitions of each member, in total and per topic. */
class Load {
  readonly #counts = new Map<string, number>()
  of(member: string, topic = ''): number {
    return this.#counts.get(`${topic}\n${member}`) ?? 0
  }
  add(member: string, topic: string, by: 1 | -1): void {
    for (const key of [`${topic}\n${member}`, `\n${member}`]) this.#counts.set(key, (this.#counts.get(key) ?? 0) + by)
  }
}

/**
 * The member that is to get each partition. Every topic is spread evenly, then all partitions together, with few moves.
 * Each move makes a topic's spread more even, or the total spread without changing the topic's, so the loop ends.
 */
function target(
  members: readonly Joining[],
  partitions: readonly string[],
  owners: ReadonlyMap<string, Joining>,
): Map<string, string> {
  const load = new Load()
  const share = new Map<string, string>()
  const readersOf = new Map<string, readonly Joining[]>()
  const give = (partition: string, member: string): void => {
    const before = share.get(partition)
    if (before !== undefined) load.add(before, topicOf(partition), -1)
    share.set(partition, member)
    load.add(member, topicOf(partition), 1)
  }
  /** The reader of the topic with the fewest partitions of it; among equals, the one with the fewest in total. */
  const idlest = (topic: string): string | undefined => {
    let readers = readersOf.get(topic)
    if (readers === undefined) readersOf.set(topic, (readers = members.filter(({ topics }) => topics.includes(topic))))
    let least: string | undefined
    for (const { id } of readers)
      if (
        least === undefined ||
        load.of(id, topic) < load.of(least, topic) ||
        (load.of(id, topic) === load.of(least, topic) && load.of(id) < load.of(least))
      )
        least = id
    return least
  }
  for (const partition of partitions) {
    const owner = owners.get(partition)
    if (owner?.topics.includes(topicOf(partition)) === true) give(partition, owner.id)
  }
  for (const partition of partitions) {
    const topic = topicOf(partition)
    const member = share.has(partition) ? undefined : idlest(topic)
    if (member !== undefined) give(partition, member)
  }
  for (let moved = true; moved;) {
    moved = false
    for (const [partition, from] of share) {
      const topic = topicOf(partition)
      const to = idlest(topic)!
      const topicGap = load.of(from, topic) - load.of(to, topic)
      if (topicGap > 1 || (topicGap === 1 && load.of(from) - load.of(to) > 1)) {
        give(partition, to)
        moved = true
      }
    }
  }
  return share
}

/**
 * The partitions of each member. Sticky: a member keeps its partitions where the spread stays even. Cooperative: a
 * partition that moves has no member until its owner has ended its work and joined without it.
 */
export function assign(
  members: readonly Joining[],
  partitions: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const owners = ownersOf(sorted, new Set(partitions))
  const assigned = new Map<string, string[]>(sorted.map(({ id }) => [id, []]))
  for (const [partition, member] of target(sorted, [...partitions].sort(), owners)) {
    const owner = owners.get(partition)
    if (owner === undefined || owner.id === member) assigned.get(member)!.push(partition)
  }
  return assigned
}
