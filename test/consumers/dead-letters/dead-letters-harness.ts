import { strict as assert } from 'node:assert'
import { onTestFinished } from 'vitest'
import { systemClock, type Clock } from '../../../src/base/clock.js'
import { openDeadLetters } from '../../../src/consumers/dead-letters/dead-letters.js'
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetters,
  RedriveRequest,
} from '../../../src/contracts/dead-letters.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { monday, passes as passesOfMonday, settings, type EngineHarness } from '../engine-harness.js'

export const dayMs = 86_400_000
/** A server may drop what is older than its topic's retention: the events are yesterday's. */
export const yesterday = Math.floor(systemClock.nowMs() / dayMs) * dayMs - dayMs
export const passes = (...asked: Parameters<typeof passesOfMonday>) =>
  passesOfMonday(...asked).map((event) => ({ ...event, at: (event['at'] as number) - monday + yesterday }))

/** The dead letters of a harness, as one process of an engine sees them that has every tenant configured by now. */
export function deadLettersOf(
  harness: EngineHarness,
  owner = 'one',
  { log = harness.log, clock = systemClock }: { log?: EventLog; clock?: Clock } = {},
): DeadLetters {
  const deadLetters = openDeadLetters({
    log,
    clock,
    owner,
    store: harness.store,
    streams: [harness.stream],
    tenants: 'any',
    routing: () => emptyRouting,
    seenIds: settings.seenIds,
    marksKeptMs: 365 * dayMs,
  })
  onTestFinished(() => deadLetters.close())
  return deadLetters
}

/** Five dead letters: three events of a tenant that is not configured, one of them late, and two that do not decode. */
export async function givenDeadLetters(harness: EngineHarness): Promise<void> {
  const strangers = passes(3, 0, 'stranger')
  await harness.append(
    [
      ...passes(6),
      strangers[0]!,
      '{"torn',
      strangers[1]!,
      { ...passes(1, 50)[0], force: 'much' },
      { ...strangers[2], at: yesterday - dayMs },
    ],
    yesterday + dayMs,
  )
  const flow = await harness.score({ tenants: new Set(['acme']) })
  await flow.caughtUp()
  await flow.stop()
  assert.equal((await harness.deadLetters()).length, 5)
}

export async function every<Item>(
  page: (cursor: string | undefined) => Promise<DeadLetterPage<Item>>,
): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const { items: more, next } = await page(cursor)
    items.push(...more)
    cursor = next
  } while (cursor !== undefined)
  return items
}

/** Opens a harness for one test. */
export type OpenHarness = () => Promise<EngineHarness>

export const list = (deadLetters: DeadLetters, filter: DeadLetterFilter, limit = 100): Promise<DeadLetter[]> =>
  every((cursor) => deadLetters.list(filter, cursor, limit))
export const asked = (harness: EngineHarness, change: Partial<RedriveRequest> = {}): RedriveRequest => ({
  filter: { stream: harness.stream.stream.name },
  limit: 100,
  dryRun: false,
  evenBad: false,
  by: 'key-1',
  ...change,
})
export const redrive = async (deadLetters: DeadLetters, request: RedriveRequest) =>
  every((cursor) => deadLetters.redrive({ ...request, ...(cursor !== undefined && { cursor }) }))
/** All records of the event topic. */
export const eventsOf = async (harness: EngineHarness) =>
  (await Promise.all([0, 1, 2, 3].map((partition) => harness.records(harness.stream.topics.events, partition)))).flat()
/** How many events were redriven. */
export const redrivenCount = async (harness: EngineHarness): Promise<number> =>
  (await eventsOf(harness)).filter(({ headers }) => headers['redrive-attempt'] !== undefined).length
