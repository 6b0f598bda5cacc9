import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { systemClock as clock } from '../../../src/base/clock.js'
import { packagePath } from '../../../src/config/load.js'
import type { LaunchedEngine } from '../../e2e/launch.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { expect, together } from '../ledger.js'
import { eventLines, startLoad, type Load } from '../load.js'
import { clusterPlace, type ClusterPlace } from '../place.js'
import { settle, until, visible } from '../settle.js'

const disturbedMs = { small: 120_000, large: 30 * 60_000 } as const
/** Then it is away without a break: what is queued for it, be it slowly, is seen after a long time. */
const awayMs = { small: 15_000, large: 40 * 60_000 } as const
const allowedGrowth = 0.1
const perSecond = 800
/** While it is away: enough for anything queued to be seen, and no more than the ledger can hold afterwards. */
const perSecondAway = 200

/** How the server is sick, each for a while. */
const sicknesses = [
  { kind: 'refuse' },
  { kind: 'slow', delayMs: 3_000 },
  { kind: 'cut-within' },
  { kind: 'cut-before' },
  { kind: 'cut-after' },
  { kind: 'unreachable' },
  { kind: 'exception', code: 252, type: 'TOO_MANY_PARTS', text: 'Too many parts.' },
] as const

/** What the process holds of its own, MiB: neither shared pages nor what the kernel keeps of files. */
async function heldMiB({ pid }: LaunchedEngine): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)![1]) / 1_024
}

/** Looked at four times a second for as long as something lasts. */
async function samplesMiB(engine: LaunchedEngine, over: Promise<unknown>): Promise<readonly number[]> {
  const samples: number[] = []
  let isOver = false
  over.finally(() => (isOver = true)).catch(() => undefined)
  for (; !isOver; await clock.sleep(250)) samples.push(await heldMiB(engine))
  return samples
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/**
 * From the first third of the sick time to the last, in medians: what is queued without bound grows with the time. The
 * engines collect their garbage every second (`collect-hook.js`), so that what has not been collected yet is not in it.
 */
function growthOf(samples: readonly number[]): {
  readonly earlyMiB: number
  readonly lateMiB: number
  readonly growth: number
} {
  const third = Math.ceil(samples.length / 3)
  const [earlyMiB, lateMiB] = [median(samples.slice(0, third)), median(samples.slice(-third))]
  return {
    earlyMiB: Math.round(earlyMiB),
    lateMiB: Math.round(lateMiB),
    growth: Number((lateMiB / earlyMiB - 1).toFixed(3)),
  }
}

async function run(run: FaultRun): Promise<Outcome> {
  const place = await clusterPlace({
    ...run,
    variables: {
      ...run.variables,
      NODE_OPTIONS:
        `${run.variables['NODE_OPTIONS'] ?? ''} ` +
        `--import=${pathToFileURL(packagePath('test/faults/collect-hook.js')).href}`,
    },
  })
  const { front } = place.servers
  const engine = await place.launch('engine', { roles: ['scoring', 'warehouse'] })
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), perSecond)
  await until('the first results are visible', async () => (await visible(place)) > 5_000)
  await usual(front, load)
  const startedMs = clock.nowMs()
  const before = { scored: await place.scored() }
  let sick = 0
  const disturbing = (async () => {
    for (; clock.nowMs() - startedMs < disturbedMs[run.size]; sick++) {
      await front.sicken(sicknesses[sick % sicknesses.length]!)
      await clock.sleep(8_000 + run.random() * 4_000)
      await front.heal()
      await clock.sleep(2_000 + run.random() * 4_000)
    }
  })()
  const samples = await samplesMiB(engine, disturbing)
  await disturbing
  const scored = (await place.scored()) - before.scored
  const memory = growthOf(samples)
  run.say(
    `${sick} sicknesses: ${scored} events scored meanwhile, ${memory.earlyMiB} MiB at first, ` +
      `${memory.lateMiB} MiB at last`,
  )
  const away = await outage(run, place, load, engine)
  const healedMs = clock.nowMs()
  const sent = load.acknowledged.length
  await until('the warehouse is up to date', async () => (await visible(place)) >= sent, 10 * 60_000)
  const drainMs = clock.nowMs() - healedMs
  return together(
    await settle(place, run, load, [engine]),
    {
      figures: {
        sicknesses: sick,
        scoredMeanwhile: scored,
        ...memory,
        peakMiB: Math.round(Math.max(...samples)),
        drainMs,
      },
      violations: [],
    },
    expect(
      memory.growth < allowedGrowth,
      `memory grew from ${memory.earlyMiB} to ${memory.lateMiB} MiB, ${allowedGrowth * 100} % are allowed`,
    ),
    away,
  )
}

/** Away without a break: scoring goes on, and memory stays as it is. */
async function outage(run: FaultRun, place: ClusterPlace, load: Load, engine: LaunchedEngine): Promise<Outcome> {
  const { front } = place.servers
  load.pace(perSecondAway)
  const scoredBefore = await place.scored()
  await front.sicken({ kind: 'unreachable' })
  const samples = await samplesMiB(engine, clock.sleep(awayMs[run.size]))
  await until('everything so far is scored, though the warehouse is away', await place.allScored())
  const scored = (await place.scored()) - scoredBefore
  await front.heal()
  load.pace(perSecond)
  const { earlyMiB, lateMiB, growth } = growthOf(samples)
  run.say(
    `away for ${awayMs[run.size] / 1_000} s: ${scored} events scored meanwhile, ${earlyMiB} MiB at first, ` +
      `${lateMiB} MiB at last`,
  )
  return together(
    {
      figures: {
        awaySeconds: awayMs[run.size] / 1_000,
        scoredAway: scored,
        awayEarlyMiB: earlyMiB,
        awayLateMiB: lateMiB,
        awayGrowth: growth,
      },
      violations: [],
    },
    expect(
      growth < allowedGrowth,
      `memory grew from ${earlyMiB} to ${lateMiB} MiB while it was away, ${allowedGrowth * 100} % are allowed`,
    ),
  )
}

/** What the engine is to cope with without taking more later on: twice the load, and a first outage and its end. */
async function usual(
  front: { sicken(fault: { readonly kind: 'refuse' }): Promise<void>; heal(): Promise<void> },
  load: Load,
): Promise<void> {
  load.pace(2 * perSecond)
  await clock.sleep(5_000)
  await front.sicken({ kind: 'refuse' })
  await clock.sleep(12_000)
  await front.heal()
  await clock.sleep(8_000)
  load.pace(perSecond)
}

export const clickhouse: Fault = {
  name: 'clickhouse',
  what:
    'ClickHouse refuses, is slow, cuts connections before, within and after its answer, throttles, and is not ' +
    'there',
  presets: ['cluster'],
  proves: ['patience'],
  patienceMs: { small: 10 * 60_000, large: 120 * 60_000 },
  run,
}
