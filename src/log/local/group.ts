import type { Assignment, Membership, Offset, PartitionReader, TopicPartition } from '../event-log.js'

type Work = (assignment: Assignment) => Promise<void>

interface Held {
  readonly revoke: AbortController
  /** Settles when the work on the partition has ended and its reader is closed; never rejects. */
  readonly ended: Promise<void>
}

interface Member {
  readonly topics: readonly string[]
  readonly work: Work
  readonly fail: (error: unknown) => void
  readonly held: Map<string, Held>
}

/** The parts of the log that a group uses. */
export interface GroupLog {
  partitionsOf(topic: string): number
  reader(at: TopicPartition): PartitionReader
  commit(at: TopicPartition, next: Offset): void
}

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

/** The members of one group in this process. Partitions are assigned in turn to the members that read their topic. */
export class LocalGroup {
  readonly #log: GroupLog
  readonly #members = new Set<Member>()
  #rebalanced: Promise<void> = Promise.resolve()

  constructor(log: GroupLog) {
    this.#log = log
  }

  /** The partitions of every topic that at least one member reads. */
  get partitions(): TopicPartition[] {
    const topics = [...new Set([...this.#members].flatMap((member) => member.topics))]
    return topics.flatMap((topic) =>
      Array.from({ length: this.#log.partitionsOf(topic) }, (_, partition) => ({ topic, partition })),
    )
  }

  async join(topics: readonly string[], work: Work): Promise<Membership> {
    let fail: (error: unknown) => void = () => undefined
    const failed = new Promise<never>((_, reject) => {
      fail = reject
    })
    // The caller may handle `failed` later or never; this avoids an unhandled rejection.
    failed.catch(() => undefined)
    const member: Member = { topics, work, fail, held: new Map() }
    await this.#rebalance(() => this.#members.add(member))
    return {
      failed,
      leave: () => {
        for (const { revoke } of member.held.values()) revoke.abort()
        return this.#rebalance(() => this.#members.delete(member))
      },
    }
  }

  /** One change of members at a time. A partition gets a new owner only when the work of its last owner has ended. */
  #rebalance(change: () => void): Promise<void> {
    this.#rebalanced = this.#rebalanced.then(async () => {
      const before = [...this.#members]
      change()
      const wanted = this.#share()
      await Promise.all(before.map((member) => release(member, (key) => wanted.get(key)?.member !== member)))
      for (const [key, { member, at }] of wanted)
        if (!member.held.has(key)) member.held.set(key, this.#hand(member, at))
    })
    return this.#rebalanced
  }

  #share(): Map<string, { member: Member; at: TopicPartition }> {
    const wanted = new Map<string, { member: Member; at: TopicPartition }>()
    for (const [n, at] of this.partitions.entries()) {
      const members = [...this.#members].filter(({ topics }) => topics.includes(at.topic))
      wanted.set(keyOf(at), { member: members[n % members.length]!, at })
    }
    return wanted
  }

  #hand(member: Member, at: TopicPartition): Held {
    const revoke = new AbortController()
    const reader = this.#log.reader(at)
    const commit = async (next: Offset): Promise<void> => this.#log.commit(at, next)
    const work = async (): Promise<void> => {
      try {
        await member.work({ ...at, reader, revoked: revoke.signal, commit })
      } finally {
        await reader.close()
      }
    }
    return { revoke, ended: work().catch(member.fail) }
  }
}

/** Takes partitions from a member and waits until its work on them has ended. */
async function release(member: Member, isLost: (key: string) => boolean): Promise<void> {
  const lost = [...member.held].filter(([key]) => isLost(key))
  for (const [, { revoke }] of lost) revoke.abort()
  await Promise.all(lost.map(([, { ended }]) => ended))
  for (const [key] of lost) member.held.delete(key)
}
