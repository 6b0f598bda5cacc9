import { type Dice } from './dice.js'
import { hourMs, type Setting } from './happening.js'

/** What a host does all day, apart from incidents. */
export interface Host {
  readonly id: string
  /** Utilisation on an ordinary hour. */
  readonly base: number
  readonly daily: number
  readonly peakHour: number
  readonly restShare: number
  readonly noise: number
  /** How long a deviation lingers, 0..1 a sample. */
  readonly inertia: number
  readonly burstsPerDay: number
  readonly jobs: readonly Job[]
  readonly backupHour: number
  readonly requestsPerS: number
  readonly latencyMs: number
  readonly memoryPercent: number
  readonly heapGrowth: number
  readonly diskPercent: number
  readonly thresholds: boolean
  readonly tail: number
}

/** Work by the clock: a report, an import. */
interface Job {
  readonly everyMin: number
  readonly atMin: number
  readonly lastsMin: number
  readonly adds: number
}

export function hostOf(index: number, dice: Dice): Host {
  const flat = dice.chance(0.25)
  return {
    id: `h${String(index).padStart(3, '0')}`,
    base: dice.between(0.04, 0.5),
    daily: flat ? 0.03 : dice.between(0.15, 0.8),
    peakHour: dice.between(9, 17),
    restShare: flat ? 1 : dice.between(0.5, 1),
    noise: dice.skewed(0.045, 0.6),
    inertia: dice.between(0, 0.85),
    burstsPerDay: dice.skewed(0.7, 0.9),
    jobs: Array.from({ length: dice.below(4) }, () => ({ everyMin: dice.pick([60, 240, 720, 1_440]), atMin: dice.below(1_440), lastsMin: 5 * (1 + dice.below(6)), adds: dice.between(0.1, 0.45) })),
    backupHour: dice.below(5),
    requestsPerS: dice.skewed(60, 1.2),
    latencyMs: dice.skewed(40, 0.8),
    memoryPercent: dice.between(25, 70),
    heapGrowth: dice.chance(0.4) ? dice.between(2, 12) : 0,
    diskPercent: dice.between(20, 65),
    thresholds: dice.chance(0.7),
    tail: dice.between(0.05, 0.5),
  }
}

/** What passes: moods of the load, bursts, deploys. */
export interface Weather {
  mood: number
  burst: number
  burstFade: number
  /** Samples of a deploy still to come. */
  deploying: number
  /** Level that deploys have left behind. */
  step: number
  heap: number
  disk: number
}

export const calm = (host: Host): Weather => ({ mood: 0, burst: 0, burstFade: 0.7, deploying: 0, step: 1, heap: 0, disk: host.diskPercent })

export const sampleMs = 5 * 60_000

/** Moves on by one sample. */
export function advance(weather: Weather, host: Host, dice: Dice): void {
  weather.mood = weather.mood * host.inertia + dice.normal(0, host.noise * Math.sqrt(1 - host.inertia ** 2))
  weather.burst *= weather.burstFade
  if (dice.chance(host.burstsPerDay / 288)) {
    weather.burst = dice.skewed(0.35, 0.7)
    weather.burstFade = dice.between(0.3, 0.93)
  }
  if (weather.deploying > 0) weather.deploying--
  else if (dice.chance(1 / (6 * 288))) {
    weather.deploying = 2 + dice.below(4)
    weather.step = Math.min(1.6, Math.max(0.6, weather.step * dice.skewed(1, 0.12)))
    weather.heap = 0
  }
  weather.heap = weather.heap > 30 || dice.chance(1 / 1_400) ? 0 : weather.heap + host.heapGrowth / 288
  weather.disk = weather.disk > host.diskPercent + 14 ? host.diskPercent : weather.disk + dice.between(0, 3.2) / 288
}

/** Utilisation from 0 up, with and without work by the clock. */
export function utilisation(host: Host, weather: Weather, localMs: number, rest: boolean, setting: Setting): { readonly traffic: number; readonly busy: number } {
  const hour = (localMs / hourMs) % 24
  const minute = Math.floor(localMs / 60_000) % 1_440
  const curve = 1 + host.daily * Math.cos(((hour - host.peakHour) / 12) * Math.PI)
  const grown = 1 + 0.5 * setting.drift(localMs)
  const traffic = Math.max(0, host.base * curve * (rest ? host.restShare : 1) * weather.step * grown * (1 + weather.mood) + weather.burst * host.base)
  const jobs = host.jobs.reduce((sum, job) => sum + ((minute - job.atMin + 1_440) % job.everyMin < job.lastsMin ? job.adds : 0), 0)
  return { traffic: weather.deploying > 1 ? traffic * 0.6 : traffic, busy: jobs + (weather.deploying > 0 ? 0.25 : 0) }
}
