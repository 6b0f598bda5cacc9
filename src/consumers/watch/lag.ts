import type { Clock } from '../../base/clock.js'
import type { ConsumerGroups } from '../../log/event-log.js'
import { repeat } from '../ground/schedule.js'

/** The lag of a group by topic, at most half a second old. */
export interface Lag {
  /** Records of the topic that the group has not committed. */
  of(topic: string): number
  close(): Promise<void>
}

const everyMs = 500

export async function followLag(groups: ConsumerGroups, group: string, clock: Clock): Promise<Lag> {
  const byTopic = new Map<string, number>()
  const refresh = async (): Promise<void> => {
    const next = new Map<string, number>()
    for (const { topic, committed, next: end } of await groups.lag(group))
      next.set(topic, (next.get(topic) ?? 0) + Math.max(0, end - committed))
    byTopic.clear()
    for (const [topic, records] of next) byTopic.set(topic, records)
  }
  await refresh()
  const { close } = repeat(refresh, everyMs, clock, () => undefined)
  return { of: (topic) => byTopic.get(topic) ?? 0, close }
}
