import { systemClock as clock } from '../../../src/base/clock.js'
import type { LaunchedEngine } from '../../e2e/launch.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { together } from '../ledger.js'
import { eventLines, startLoad } from '../load.js'
import { clusterPlace, embeddedPlace } from '../place.js'
import { living, settle, until, visible } from '../settle.js'

const kills = { small: 15, large: 200 } as const

/** Between its first work and its end a process gets a random part of this: kills fall anywhere between two commits. */
const longestLifeMs = 600

async function embedded(run: FaultRun): Promise<Outcome> {
  const place = await embeddedPlace(run)
  let engine = await place.launch('engine')
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), 400)
  const backMs: number[] = []
  for (let kill = 0; kill < kills[run.size]; kill++) {
    await living(
      engine,
      until('the engine scores', async () => (await engine.scored()) > 100),
    )
    await clock.sleep(run.random() * longestLifeMs)
    await engine.end('SIGKILL')
    const startedMs = clock.nowMs()
    engine = await place.launch('engine')
    await living(
      engine,
      until('the engine scores again', async () => (await engine.scored()) > 0),
    )
    backMs.push(clock.nowMs() - startedMs)
    run.say(`kill ${kill + 1}: scoring again after ${backMs.at(-1)!} ms`)
  }
  return together(await settle(place, run, load, [engine]), {
    figures: { kills: backMs.length, longestPauseMs: Math.max(...backMs) },
    violations: [],
  })
}

/**
 * Two of each role; a wave kills one of each, and what was killed comes back at once, under a process id of its own.
 */
async function cluster(run: FaultRun): Promise<Outcome> {
  const place = await clusterPlace(run)
  const start = (role: string, seat: number): Promise<LaunchedEngine> =>
    place.launch(`${role}-${seat}`, { roles: [role] })
  const seats = (role: string): Promise<LaunchedEngine[]> => Promise.all([0, 1].map((seat) => start(role, seat)))
  const [scoring, warehouse] = await Promise.all([seats('scoring'), seats('warehouse')])
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), 400)
  await until('the first results are visible', async () => (await visible(place)) > 500)
  const backMs: number[] = []
  let killed = 0
  while (killed < kills[run.size]) {
    const [scored, stored] = [await place.scored(), await visible(place)]
    await until('both roles work', async () => (await place.scored()) > scored && (await visible(place)) > stored)
    await clock.sleep(run.random() * longestLifeMs)
    const seat = run.random() < 0.5 ? 0 : 1
    const victims = killed + 1 === kills[run.size] ? (['scoring'] as const) : (['scoring', 'warehouse'] as const)
    const all = { scoring, warehouse }
    await Promise.all(victims.map((role) => all[role][seat]!.end('SIGKILL')))
    killed += victims.length
    const startedMs = clock.nowMs()
    await Promise.all(victims.map(async (role) => (all[role][seat] = await start(role, seat))))
    await until('every partition is scored again', await place.allScored())
    backMs.push(clock.nowMs() - startedMs)
    run.say(`${killed} kills: scoring again after ${backMs.at(-1)!} ms`)
  }
  return together(await settle(place, run, load, [...scoring, ...warehouse]), {
    figures: { kills: killed, longestPauseMs: Math.max(...backMs) },
    violations: [],
  })
}

export const kill: Fault = {
  name: 'kill',
  what: 'kill -9 of scoring and warehouse processes under load',
  presets: ['embedded', 'cluster'],
  proves: ['durable-before-ack', 'refold', 'progress'],
  patienceMs: { small: 10 * 60_000, large: 90 * 60_000 },
  run: (run) => (run.preset === 'embedded' ? embedded(run) : cluster(run)),
}
