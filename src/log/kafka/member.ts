import { messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { Membership, Offset, TopicPartition } from '../event-log.js'
import { faultType } from './faults.js'
import { joinGroup, syncGroup } from './generation.js'
import type { Generation } from './generation.js'
import type { KafkaLink, Wire } from './link.js'
import { PartitionWork, keyOf, placeOf } from './work.js'
import type { WorkOptions } from './work.js'

export interface MemberOptions extends Pick<WorkOptions, 'work' | 'reader'> {
  readonly group: string
  readonly topics: readonly string[]
  /** For this member only: the broker answers a join when the other members have joined too. */
  readonly link: KafkaLink
  readonly sessionTimeoutMs?: number
  readonly heartbeatMs?: number
}

/** The group forms a new generation, so this member must join again. */
const rebalancing = 'REBALANCE_IN_PROGRESS'
/** The group continued without this member. */
const lost = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])

/**
 * One member of a consumer group. Heartbeats and rebalances run beside the work on partitions, so a long chunk does not
 * cost the member its partitions. A rebalance stops only the partitions that move: their work is revoked and ends; then
 * this member joins without them, and another member gets them.
 */
export class KafkaMember implements Membership {
  readonly failed: Promise<never>
  readonly #options: MemberOptions
  readonly #partitions: PartitionWork
  readonly #commits = new Map<string, Offset>()
  readonly #leaving = new AbortController()
  #fail: (error: unknown) => void = () => undefined
  #memberId = ''
  #generation = -1
  #current: Generation | undefined
  #heardMs = 0
  #wake: () => void = () => undefined
  #running: Promise<void> | undefined
  #committing: Promise<void> | undefined

  constructor(options: MemberOptions) {
    this.#options = options
    this.failed = new Promise((_, reject) => (this.#fail = reject))
    // The caller may handle `failed` later or never; this avoids an unhandled rejection.
    this.failed.catch(() => undefined)
    this.#partitions = new PartitionWork({
      work: options.work,
      reader: options.reader,
      commit: async (at, next) => this.#commit(at, next),
      fail: (error) => this.#fail(error),
      onEnded: () => this.#wake(),
    })
  }

  /** Resolves when the group has given this member its first partitions, which may be none. */
  async join(): Promise<void> {
    let onFirst: () => void = () => undefined
    const first = new Promise<void>((resolve) => (onFirst = resolve))
    this.#running = this.#run(onFirst).catch((error: unknown) => {
      this.#partitions.revoke()
      this.#fail(error)
    })
    await Promise.race([first, this.failed])
  }

  async leave(): Promise<void> {
    this.#leaving.abort()
    this.#partitions.revoke()
    this.#wake()
    await this.#running
    await this.#partitions.ended()
    this.#options.link.close()
  }

  async #run(onFirst: () => void): Promise<void> {
    const { group, link } = this.#options
    const left = this.#leaving.signal
    while (!left.aborted)
      await link.run(`take part in group ${group}`, (wire) => this.#turn(wire, onFirst), {
        outages: 'wait',
        signal: left,
      })
    onFirst()
    await this.#depart()
  }

  /** One generation: joins, takes its partitions, and sends heartbeats until it must join again. */
  async #turn(wire: Wire, onFirst: () => void): Promise<void> {
    try {
      const current = await this.#joinAndSync(wire)
      this.#current = current
      this.#generation = current.id
      this.#heardMs = this.#options.link.options.clock.nowMs()
      if (this.#leaving.signal.aborted) return
      this.#partitions.assign(current.assigned)
      onFirst()
      const moving = this.#partitions.held.filter((key) => !current.assigned.includes(key))
      await this.#heartbeats(current, () => {
        if (this.#leaving.signal.aborted) return true
        // Starts partitions that this member got again while their earlier work was still ending.
        this.#partitions.assign(current.assigned)
        const { held } = this.#partitions
        return moving.length > 0 && !moving.some((key) => held.includes(key))
      })
    } catch (error) {
      const type = faultType(error) ?? ''
      if (lost.has(type)) this.#lose(type)
      else if (type !== rebalancing) {
        this.#loseWhenSilent()
        throw error
      }
    }
  }

  /**
   * Sends heartbeats to the coordinator until `isOver`, which is checked after every heartbeat and whenever work ends.
   */
  async #heartbeats({ broker, id }: Generation, isOver: () => boolean): Promise<void> {
    const { group, link, heartbeatMs = limits.heartbeatMs } = this.#options
    const { clock } = link.options
    for (;;) {
      const pause = new AbortController()
      this.#wake = () => pause.abort()
      if (isOver()) return
      await clock.sleep(heartbeatMs, pause.signal)
      if (pause.signal.aborted) continue
      await broker.heartbeat({ groupId: group, groupGenerationId: id, memberId: this.#memberId })
      this.#heardMs = clock.nowMs()
    }
  }

  async #joinAndSync(wire: Wire): Promise<Generation> {
    const { group, topics, sessionTimeoutMs = limits.sessionTimeoutMs } = this.#options
    const joined = await joinGroup(wire, {
      group,
      topics,
      sessionTimeoutMs,
      memberId: this.#memberId,
      owned: this.#partitions.held,
      generation: this.#generation,
    })
    // Set before the sync, which may fail: the broker already knows this member by this id.
    this.#memberId = joined.memberId
    return syncGroup(wire, group, joined)
  }

  /** The group continued without this member: others may already own its partitions. */
  #lose(why: string): void {
    const { group, link } = this.#options
    link.options.report?.('warn', 'the group removed this member, which now joins again', { group, why })
    if (why === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    this.#generation = -1
    this.#current = undefined
    this.#partitions.revoke()
  }

  #loseWhenSilent(): void {
    const { link, sessionTimeoutMs = limits.sessionTimeoutMs } = this.#options
    if (this.#current !== undefined && link.options.clock.nowMs() - this.#heardMs > sessionTimeoutMs)
      this.#lose('no heartbeat was answered')
  }

  /** For the lag metric: commits the newest offset of each partition, one request at a time, without retries. */
  #commit(at: TopicPartition, next: Offset): void {
    this.#commits.set(keyOf(at), next)
    this.#committing ??= this.#flushCommits().finally(() => (this.#committing = undefined))
  }

  async #flushCommits(): Promise<void> {
    const { group, link } = this.#options
    while (this.#commits.size > 0 && this.#current !== undefined) {
      const { broker, id } = this.#current
      const byTopic = new Map<string, { partition: number; offset: string }[]>()
      for (const [key, next] of this.#commits) {
        const { topic, partition } = placeOf(key)
        byTopic.set(topic, [...(byTopic.get(topic) ?? []), { partition, offset: String(next) }])
      }
      this.#commits.clear()
      const topics = [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
      try {
        await broker.offsetCommit({ groupId: group, groupGenerationId: id, memberId: this.#memberId, topics })
      } catch (error) {
        link.options.report?.('debug', 'an advisory commit was lost', { group, reason: messageOf(error) })
      }
    }
  }

  /**
   * Ends the work and leaves the group, so that the group need not wait for the session to expire. If the broker is
   * unreachable, the session expires.
   */
  async #depart(): Promise<void> {
    const current = this.#current
    const ended = this.#partitions.ended()
    let hasEnded = false
    void ended.then(() => {
      hasEnded = true
      this.#wake()
    })
    // During a rebalance the group waits for this member to leave. After any other fault heartbeats do not help.
    while (current !== undefined && !hasEnded)
      try {
        await this.#heartbeats(current, () => hasEnded)
      } catch (error) {
        if (faultType(error) !== rebalancing) break
      }
    await ended
    await this.#committing
    this.#current = undefined
    await current?.broker.leaveGroup({ groupId: this.#options.group, memberId: this.#memberId }).catch(() => undefined)
  }
}
