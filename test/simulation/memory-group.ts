import type { Assignment, Membership, Offset, PartitionReader, TopicPartition } from '../../src/log/event-log.js'

export type Work = (assignment: Assignment) => Promise<void>

interface Held {
  readonly at: TopicPartition
  readonly revoke: AbortController
  readonly ended: Promise<void>
}

/** One member; what is done to it from outside is done by whoever simulates the coordinator. */
export interface Member {
  readonly topics: readonly string[]
  readonly work: Work
  readonly fail: (error: unknown) => void
  readonly held: Map<string, Held>
  /** Work that goes on though the coordinator has given its partitions to others. */
  readonly lost: Held[]
  /** Resolves when nobody waits for the member any more. */
  gone: Promise<void>
  vanish: () => void
  isGone: boolean
}

interface GroupLog {
  partitionsOf(topic: string): number
  reader(at: TopicPartition): PartitionReader
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${String(partition)}`

/** A consumer group. Partitions go round: the n-th to the n-th member that wants the topic, `turned` places further. */
export class MemoryGroup {
  readonly #log: GroupLog
  readonly #members = new Set<Member>()
  readonly #committed = new Map<string, TopicPartition & { committed: Offset }>()
  #rebalanced: Promise<void> = Promise.resolve()
  #turned = 0

  constructor(log: GroupLog) {
    this.#log = log
  }

  get members(): readonly Member[] {
    return [...this.#members]
  }

  get committed(): readonly (TopicPartition & { readonly committed: Offset })[] {
    return [...this.#committed.values()]
  }

  /** `onJoined` is given the member before it gets anything. */
  async join(topics: readonly string[], work: Work, onJoined?: (member: Member) => void): Promise<Membership> {
    let fail: (error: unknown) => void = () => undefined
    const failed = new Promise<never>((_, reject) => (fail = reject))
    failed.catch(() => undefined)
    const member: Member = { topics, work, fail, held: new Map(), lost: [], ...waitedFor(), isGone: false }
    onJoined?.(member)
    await this.#change(() => this.#add(member))
    return {
      failed,
      leave: async () => {
        for (const { revoke } of [...member.held.values(), ...member.lost]) revoke.abort()
        await this.#change(() => this.#members.delete(member))
        await Promise.all(member.lost.map(({ ended }) => ended))
      },
    }
  }

  /** Gives the partitions to others in turn, each after its owner's work has ended. */
  turn(): Promise<void> {
    return this.#change(() => void this.#turned++)
  }

  /** The member is heard no more: its partitions go to others at once, while its work goes on. */
  expel(member: Member): void {
    if (member.isGone) return
    member.isGone = true
    this.#members.delete(member)
    member.lost.push(...member.held.values())
    member.held.clear()
    member.vanish()
    void this.#change(() => undefined)
  }

  /** The member is heard again: it learns what it has lost, and gets its share when that work has ended. */
  async welcome(member: Member): Promise<void> {
    for (const { revoke } of member.lost) revoke.abort()
    await Promise.all(member.lost.map(({ ended }) => ended))
    if (!member.isGone) return
    member.lost.length = 0
    Object.assign(member, waitedFor(), { isGone: false })
    await this.#change(() => this.#add(member))
  }

  #add(member: Member): void {
    if (!member.isGone) this.#members.add(member)
  }

  #change(change: () => void): Promise<void> {
    this.#rebalanced = this.#rebalanced.then(async () => {
      const before = [...this.#members]
      change()
      const wanted = this.#share()
      await Promise.all(before.map((member) => release(member, (key) => wanted.get(key)?.member !== member)))
      for (const [key, { member, at }] of wanted)
        if (!member.held.has(key) && this.#members.has(member)) member.held.set(key, this.#hand(member, at))
    })
    return this.#rebalanced
  }

  #share(): Map<string, { readonly member: Member; readonly at: TopicPartition }> {
    const topics = [...new Set(this.members.flatMap((member) => member.topics))]
    const all = topics.flatMap((topic) =>
      Array.from({ length: this.#log.partitionsOf(topic) }, (_, partition) => ({ topic, partition })),
    )
    return new Map(
      all.map((at, n) => {
        const members = this.members.filter((member) => member.topics.includes(at.topic))
        return [keyOf(at), { member: members[(n + this.#turned) % members.length]!, at }]
      }),
    )
  }

  #hand(member: Member, at: TopicPartition): Held {
    const revoke = new AbortController()
    const reader = this.#log.reader(at)
    const commit = async (committed: Offset): Promise<void> => void this.#committed.set(keyOf(at), { ...at, committed })
    const work = async (): Promise<void> => {
      try {
        await member.work({ ...at, reader, revoked: revoke.signal, commit })
      } finally {
        await reader.close()
      }
    }
    return { at, revoke, ended: work().catch(member.fail) }
  }
}

function waitedFor(): Pick<Member, 'gone' | 'vanish'> {
  let vanish: () => void = () => undefined
  const gone = new Promise<void>((resolve) => (vanish = resolve))
  return { gone, vanish }
}

async function release(member: Member, isLost: (key: string) => boolean): Promise<void> {
  const lost = [...member.held].filter(([key]) => isLost(key))
  for (const [, { revoke }] of lost) revoke.abort()
  await Promise.race([member.gone, Promise.all(lost.map(([, { ended }]) => ended))])
  for (const [key] of lost) member.held.delete(key)
}
