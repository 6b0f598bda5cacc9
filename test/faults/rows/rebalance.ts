import { systemClock as clock } from '../../../src/base/clock.js'
import type { LaunchedEngine } from '../../e2e/launch.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { expect, together } from '../ledger.js'
import { eventLines, startLoad } from '../load.js'
import { clusterPlace, type Place } from '../place.js'
import { settle, until } from '../settle.js'

const disturbedMs = { small: 60_000, large: 600_000 } as const
const calmMs = 15_000
const everyMs = 5_000
/**
 * Small chunks, so that the engine and not the machine says how much goes through and the producer stays ahead of it.
 */
const scoring = { chunkRecords: 8 }
const aheadRecords = 20_000

/** Records that get their result in a second, while there is always more to do. */
async function throughput(place: Place, durationMs: number): Promise<number> {
  const [before, startedMs] = [await place.scored(), clock.nowMs()]
  await clock.sleep(durationMs)
  return (((await place.scored()) - before) / (clock.nowMs() - startedMs)) * 1_000
}

/**
 * A member comes, five seconds later it goes, and so on: the partitions move each time, and what is scored stays right.
 */
async function run(run: FaultRun): Promise<Outcome> {
  const place = await clusterPlace(run)
  const start = (name: string): Promise<LaunchedEngine> => place.launch(name, { roles: ['scoring'], scoring })
  const [first, keeper] = await Promise.all([start('first'), place.launch('warehouse', { roles: ['warehouse'] })])
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), 20_000)
  let over = false
  // A backlog at all times, but no larger than it must be.
  const paced = (async () => {
    for (; !over; await clock.sleep(50))
      load.pace(load.acknowledged.length - (await place.scored()) > aheadRecords ? 0 : 20_000)
  })()
  paced.catch(() => undefined)
  await until(
    'there is a backlog',
    async () => (await place.scored()) > 0 && load.acknowledged.length - (await place.scored()) > aheadRecords / 2,
  )
  const calm = await throughput(place, calmMs)
  run.say(`calm: ${Math.round(calm)} events/s`)
  let guest: LaunchedEngine | undefined
  let rebalances = 0
  const measuring = throughput(place, disturbedMs[run.size])
  for (const endMs = clock.nowMs() + disturbedMs[run.size]; clock.nowMs() < endMs; rebalances++) {
    const next = clock.sleep(everyMs)
    if (guest === undefined) guest = await start(`guest-${rebalances}`)
    else {
      await guest.end('SIGTERM')
      guest = undefined
    }
    await next
  }
  const disturbed = await measuring
  run.say(`${rebalances} rebalances: ${Math.round(disturbed)} events/s`)
  over = true
  await paced
  load.pace(0)
  const outcome = await settle(place, run, load, [first, keeper, ...(guest === undefined ? [] : [guest])])
  const share = disturbed / calm
  return together(
    outcome,
    {
      figures: {
        rebalances,
        calmEventsPerSecond: Math.round(calm),
        disturbedEventsPerSecond: Math.round(disturbed),
        share: Number(share.toFixed(2)),
      },
      violations: [],
    },
    expect(share >= 1 / 3, `only ${(share * 100).toFixed(0)} % of the calm throughput is left, a third was promised`),
  )
}

export const rebalance: Fault = {
  name: 'rebalance',
  what: 'a member of the scoring group comes or goes every 5 s, with a backlog',
  presets: ['cluster'],
  proves: ['handover'],
  patienceMs: { small: 10 * 60_000, large: 90 * 60_000 },
  run,
}
