import { systemClock as clock } from '../../../src/base/clock.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { expect, together } from '../ledger.js'
import { eventLines, startLoad } from '../load.js'
import { clusterPlace } from '../place.js'
import { settle, until } from '../settle.js'

const kills = { small: 3, large: 20 } as const
const promisedMs = 60_000
const longestAwayMs = 4_000

/** The broker is killed under load and comes back on its data. Producers and engines wait; nothing is started again. */
async function run(run: FaultRun): Promise<Outcome> {
  const place = await clusterPlace(run)
  const engines = await Promise.all([
    place.launch('first', { roles: ['scoring'] }),
    place.launch('second', { roles: ['scoring', 'warehouse'] }),
  ])
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), 500)
  await until('the engines score', async () => (await place.scored()) > 500)
  const backMs: number[] = []
  for (let kill = 0; kill < kills[run.size]; kill++) {
    await clock.sleep(500 + run.random() * 1_500)
    await place.servers.kafka.kill()
    await clock.sleep(run.random() * longestAwayMs)
    await place.servers.kafka.start()
    const startedMs = clock.nowMs()
    await until('every partition is scored again', await place.allScored(), 180_000)
    backMs.push(clock.nowMs() - startedMs)
    run.say(`broker killed ${kill + 1} times: scoring again ${backMs.at(-1)!} ms after it was back`)
  }
  const slowest = Math.max(...backMs)
  return together(
    await settle(place, run, load, engines),
    { figures: { kills: backMs.length, longestPauseMs: slowest }, violations: [] },
    expect(
      slowest <= promisedMs,
      `scoring again only ${slowest} ms after the broker was back, ${promisedMs} were promised`,
    ),
  )
}

export const broker: Fault = {
  name: 'kafka',
  what: 'the Kafka broker is killed (-9) under load and started again',
  presets: ['cluster'],
  proves: ['patience'],
  patienceMs: { small: 10 * 60_000, large: 40 * 60_000 },
  run,
}
