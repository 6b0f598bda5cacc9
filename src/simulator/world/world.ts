import { EngineError } from '../../base/errors.js'
import { murmur2 } from '../../base/keys.js'
import { attendance } from './attendance/attendance.js'
import { clamp, diceOf } from './ground/dice.js'
import { gates } from './meters/gates.js'
import {
  dayMs,
  type Happening,
  minuteMs,
  type Outcome,
  type Process,
  type Scheme,
  type Setting,
} from './ground/happening.js'
import { hosts } from './hosts/hosts.js'
import { outcomeOf } from './outcomes.js'
import { readings } from './meters/readings.js'
import { regions } from './ground/regions.js'
import { buildSites } from './ground/sites.js'
import { syncs } from './syncs/syncs.js'

export type { Happening, Outcome, Scheme, StreamName } from './ground/happening.js'

export const demoTenants: readonly string[] = ['acme', 'borealis', 'cobalt', 'dunes']

export interface WorldOptions {
  readonly seed: number
  /** Start of the world; there is no history before it. */
  readonly startMs: number
  readonly tenants?: readonly string[]
  /** People in all tenants together, 3,000 by default; the first tenants are larger. */
  readonly people?: number
  /** Multiplies everything: people, sites, meters, users, hosts. */
  readonly scale?: number
  /** `testing` adds the pattern on which no model was trained; `training` by default. */
  readonly patterns?: 'training' | 'testing'
  /** The time in which phones, cameras, shifts and loads change; without it they do not change. */
  readonly drift?: { readonly fromMs: number; readonly overMs: number }
}

/** An event or an outcome, in order of arrival. */
export type Moment =
  { readonly is: 'event'; readonly happening: Happening } | { readonly is: 'outcome'; readonly outcome: Outcome }

export interface World {
  /**
   * Events that arrive in [fromMs, toMs), in order of arrival. Continuing at the end of the last call is cheap; going
   * back plays the world again from its start. The same options give the same events for every division into calls.
   */
  events(fromMs: number, toMs: number): Iterable<Happening>
  /** Outcomes that arrive in [fromMs, toMs); only some events get one. */
  outcomes(fromMs: number, toMs: number): Iterable<Outcome>
  /** Both, in one pass. */
  timeline(fromMs: number, toMs: number): Iterable<Moment>
  /**
   * The scheme of an event of this world, `undefined` if it is genuine. Only for evaluation: real deployments do not
   * know it.
   */
  truthOf(event: Happening['event']): Scheme | undefined
}

type Truths = WeakMap<Happening['event'], Scheme>
type Dated = Moment & { readonly atMs: number }

/** The settings of the tenants; their shares of the people are 1, 1/2, 1/3 ..., normalised. */
function settingsOf(options: WorldOptions): readonly Setting[] {
  const tenants = options.tenants ?? demoTenants
  if (tenants.length === 0) throw new EngineError('BAD_REQUEST', 'a world needs at least one tenant')
  const scale = options.scale ?? 1
  const weights = tenants.map((_, index) => 1 / (index + 1))
  const sum = weights.reduce((a, b) => a + b, 0)
  const patterns = options.patterns ?? 'training'
  return tenants.map((tenant, index): Setting => {
    const region = regions[index % regions.length]!
    const counters = new Map<string, number>()
    const run = (murmur2(Buffer.from(`${options.seed}|${options.startMs}|${patterns}|${tenant}`)) >>> 0).toString(36)
    return {
      seed: options.seed,
      tenant,
      region,
      people: Math.max(30, Math.round(((options.people ?? 3_000) * scale * weights[index]!) / sum)),
      hosts: Math.max(1, Math.round((20 * scale * weights[index]!) / sum)),
      patterns,
      firstDay: Math.floor((options.startMs + region.offsetMin * minuteMs) / dayMs),
      drift: (atMs) =>
        options.drift === undefined ? 0 : clamp((atMs - options.drift.fromMs) / options.drift.overMs, 0, 1),
      nextId: (process) => {
        const count = (counters.get(process) ?? 0) + 1
        counters.set(process, count)
        return `${process}${run}-${count.toString(36)}`
      },
      dice: (...names) => diceOf(options.seed, tenant, ...names),
    }
  })
}

/** Plays the days in order. Yields moments as soon as no later day can add an earlier one. */
function* play(options: WorldOptions, truths: Truths): Generator<Dated, never> {
  const settings = settingsOf(options)
  const tenants = settings.map((setting) => {
    const sites = buildSites(setting)
    const processes: readonly Process[] = [
      attendance(setting, sites),
      readings(setting, sites),
      gates(setting, sites),
      syncs(setting),
      hosts(setting),
    ]
    return { setting, processes }
  })
  const aheadMs = Math.max(...settings.map(({ region }) => region.offsetMin)) * minuteMs
  let waiting: Dated[] = []
  for (let day = Math.min(...settings.map(({ firstDay }) => firstDay)); ; day++) {
    for (const { setting, processes } of tenants) {
      if (day < setting.firstDay) continue
      const dice = setting.dice('outcomes', day)
      for (const process of processes)
        process.play(day, (stream, at, event, scheme) => {
          const happening: Happening = { stream, atMs: Math.floor(at), event }
          if (scheme !== undefined) truths.set(event, scheme)
          waiting.push({ is: 'event', happening, atMs: happening.atMs })
          const outcome = outcomeOf(happening, scheme, dice)
          if (outcome !== undefined && happening.atMs >= options.startMs)
            waiting.push({
              is: 'outcome',
              outcome: { ...outcome, atMs: Math.floor(outcome.atMs) },
              atMs: Math.floor(outcome.atMs),
            })
        })
    }
    const certainMs = (day + 1) * dayMs - aheadMs
    const due = waiting.filter(({ atMs }) => atMs < certainMs).sort((a, b) => a.atMs - b.atMs)
    waiting = waiting.filter(({ atMs }) => atMs >= certainMs)
    yield* due
  }
}

/** A seeded world of facility companies. It does not use the features or models that score its events. */
export function createWorld(options: WorldOptions): World {
  const truths: Truths = new WeakMap()
  let source = play(options, truths)
  // The next moment to yield; everything before `doneMs` was yielded.
  let next: Dated | undefined
  let doneMs = options.startMs

  function* timeline(fromMs: number, toMs: number): Generator<Moment> {
    if (fromMs < doneMs) {
      source = play(options, truths)
      next = undefined
    }
    const mine = source
    for (;;) {
      next ??= source.next().value
      if (next.atMs >= toMs) break
      const moment = next
      next = undefined
      doneMs = moment.atMs + 1
      if (moment.atMs < Math.max(fromMs, options.startMs)) continue
      yield moment
      if (source !== mine)
        throw new EngineError('BAD_REQUEST', 'the world was rewound while it was being read; read one range at a time')
    }
    doneMs = Math.max(fromMs, toMs)
  }
  function* only<K extends Moment['is']>(is: K, fromMs: number, toMs: number): Generator<Extract<Moment, { is: K }>> {
    for (const moment of timeline(fromMs, toMs)) if (moment.is === is) yield moment as Extract<Moment, { is: K }>
  }
  return {
    timeline,
    *events(fromMs, toMs) {
      for (const { happening } of only('event', fromMs, toMs)) yield happening
    },
    *outcomes(fromMs, toMs) {
      for (const { outcome } of only('outcome', fromMs, toMs)) yield outcome
    },
    truthOf: (event) => truths.get(event),
  }
}
