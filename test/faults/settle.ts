import { join } from 'node:path'
import { systemClock as clock } from '../../src/base/clock.js'
import type { LogRecord } from '../../src/log/event-log.js'
import type { LaunchedEngine } from '../e2e/launch.js'
import type { Engines, FaultRun, Outcome } from './fault.js'
import { judge, together } from './ledger.js'
import type { Acknowledged, Load } from './load.js'
import type { Place } from './place.js'
import { publishedOf, viewedOf } from './results.js'
import { differenceOf } from './state.js'
import { inputOf } from './topics.js'
import { undisturbed } from './undisturbed.js'

/** Waits until a condition holds; rejects, naming it, when it does not for so long. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  patienceMs = 120_000,
  everyMs = 50,
): Promise<void> {
  for (const deadlineMs = clock.nowMs() + patienceMs; !(await holds()); await clock.sleep(everyMs))
    if (clock.nowMs() > deadlineMs) throw new Error(`waited ${patienceMs / 1_000} s in vain until ${what}`)
}

/** What comes while an engine runs; rejects at once when it ends by itself. */
export const living = <T>(engine: LaunchedEngine, work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    engine.ended.then((): never => {
      throw new Error('the engine ended by itself')
    }),
  ])

/**
 * Records that the topic has: the last batch of each partition was acknowledged, so nothing comes after the highest
 * offset.
 */
export function recordsOf(acknowledged: readonly Acknowledged[]): number {
  const next = new Map<number, number>()
  for (const { partition, offset } of acknowledged) next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
  return [...next.values()].reduce((sum, one) => sum + one, 0)
}

/** How many records have their visible result. */
export async function visible(place: Place): Promise<number> {
  const count = async (what: string): Promise<number> =>
    Number((await place.query<{ n: number | string }>(`SELECT count() AS n FROM ${what}`))[0]!.n)
  return (
    (await count(`predictions FINAL WHERE stream = '${place.stream.stream.name}' AND role = 'served'`)) +
    (await count(`dead_letters FINAL`))
  )
}

const withoutProgressMs = 90_000

/**
 * Waits for the last result; gives up when nothing has come for long, since whoever judges then says what is missing.
 */
async function drained(place: Place, records: number): Promise<void> {
  for (
    let seen = -1, sinceMs = clock.nowMs();
    seen < records && clock.nowMs() - sinceMs < withoutProgressMs;
    await clock.sleep(200)
  ) {
    const now = await visible(place)
    if (now !== seen) sinceMs = clock.nowMs()
    seen = now
  }
}

/**
 * Ends the load and the engines in good order, judges everything against an undisturbed run of the same input, and lets
 * the product certify itself.
 */
export async function settle(
  place: Place,
  run: FaultRun,
  load: Pick<Load, 'acknowledged' | 'stop'>,
  engines: Engines,
): Promise<Outcome> {
  await load.stop()
  await drained(place, recordsOf(load.acknowledged))
  await Promise.all(engines.map((engine) => engine.end('SIGTERM')))
  run.say('comparing with an undisturbed run')
  return together(await judged(place, run, load.acknowledged), await place.certify())
}

/** Judges what is in the stores; no engine runs any more. */
export const judged = (place: Place, run: FaultRun, acknowledged: readonly Acknowledged[]): Promise<Outcome> =>
  place.inspect(async ({ log, state, query }) => {
    const { stream, config } = place
    const { id, time } = stream.stream
    const input = await inputOf(stream, log)
    const calm = await undisturbed(stream, input, config, join(run.directory, 'undisturbed'))
    const fieldOf = (record: LogRecord, field: string): unknown => {
      try {
        return stream.codec.decode(record.value!)[field]
      } catch {
        return undefined
      }
    }
    const newestMs = Math.max(
      ...input.flatMap((records) => records.slice(-1_000).map((record) => Number(fieldOf(record, time) ?? 0))),
    )
    return judge({
      acknowledged,
      input,
      idOf: (record) => fieldOf(record, id) as string | undefined,
      expected: calm.results,
      viewed: await viewedOf(stream, query),
      published: await publishedOf(stream, log),
      state: differenceOf(state, calm.state, newestMs),
    })
  })
