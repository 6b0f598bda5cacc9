import { type Dice } from '../ground/dice.js'
import { hourMs, type Setting } from '../ground/happening.js'

/** The load of a host over the day, without incidents. */
export interface Host {
  readonly id: string
  /** Utilisation in an ordinary hour. */
  readonly base: number
  readonly daily: number
  readonly peakHour: number
  readonly restShare: number
  readonly noise: number
  /** Persistence of a deviation from sample to sample, 0..1. */
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

/** Scheduled work: a report, an import. */
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
    jobs: Array.from({ length: dice.below(4) }, () => ({
      everyMin: dice.pick([60, 240, 720, 1_440]),
      atMin: dice.below(1_440),
      lastsMin: 5 * (1 + dice.below(6)),
      adds: dice.between(0.1, 0.45),
    })),
    backupHour: dice.below(5),
    requestsPerS: dice.skewed(60, 1.2),
    latencyMs: dice.skewed(40, 0.8),
    memoryPercent: dice.between(20, 55),
    heapGrowth: dice.chance(0.7) ? dice.between(3, 24) : 0,
    diskPercent: dice.between(20, 65),
    thresholds: dice.chance(0.7),
    tail: dice.between(0.05, 0.5),
  }
}

/** The temporary part of the load: deviations, bursts, deploys. */
export interface Weather {
  mood: number
  burst: number
  burstFade: number
  /** Remaining samples of a deploy. */
  deploying: number
  /** Change of the level by earlier deploys. */
  step: number
  heap: number
  disk: number
  /** A rush: the share that it adds to the traffic, the share that it grows to, and its remaining samples. */
  rush: number
  rushTo: number
  rushing: number
  /** A data set in memory: its size in percent, the size that it grows to, and its remaining samples. */
  cache: number
  held: number
  holding: number
  /** Remaining samples of planned work, during which the host is off. */
  off: number
}

export const calm = (host: Host): Weather => ({
  mood: 0,
  burst: 0,
  burstFade: 0.7,
  deploying: 0,
  step: 1,
  heap: 0,
  disk: host.diskPercent,
  rush: 0,
  rushTo: 0,
  rushing: 0,
  cache: 0,
  held: 0,
  holding: 0,
  off: 0,
})

export const sampleMs = 5 * 60_000

/**
 * Unusual but harmless load: a rush that lasts for hours, planned work with the host off, an import, a large data set
 * in memory.
 */
function unusual(weather: Weather, host: Host, dice: Dice): void {
  if (weather.rushing > 0) weather.rushing--
  else if (dice.chance(1 / (7 * 288))) {
    weather.rushing = 36 + dice.below(288)
    weather.rushTo = dice.between(0.25, 1.3)
  }
  weather.rush += ((weather.rushing > 0 ? weather.rushTo : 0) - weather.rush) * 0.15
  if (weather.off > 0) weather.off--
  else if (dice.chance(1 / (25 * 288))) weather.off = 3 + dice.below(14)
  if (dice.chance(1 / (4 * 288))) weather.disk = Math.min(host.diskPercent + 14, weather.disk + dice.between(2, 9))
  if (weather.holding > 0) weather.holding--
  else if (dice.chance(1 / (1.5 * 288))) {
    weather.holding = 6 + dice.below(120)
    weather.held = dice.between(2, 26)
  }
  weather.cache += ((weather.holding > 0 ? weather.held : 0) - weather.cache) * (weather.holding > 0 ? 0.06 : 0.5)
}

/** Advances by one sample. */
export function advance(weather: Weather, host: Host, dice: Dice): void {
  unusual(weather, host, dice)
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
  weather.disk = weather.disk > host.diskPercent + 14 ? host.diskPercent : weather.disk + dice.between(0, 7) / 288
}

/** Utilisation >= 0, with or without scheduled work. */
export function utilisation(
  host: Host,
  weather: Weather,
  localMs: number,
  rest: boolean,
  setting: Setting,
): { readonly traffic: number; readonly busy: number } {
  const hour = (localMs / hourMs) % 24
  const minute = Math.floor(localMs / 60_000) % 1_440
  const curve = 1 + host.daily * Math.cos(((hour - host.peakHour) / 12) * Math.PI)
  const grown = 1 + 0.5 * setting.drift(localMs)
  const traffic = Math.max(
    0,
    host.base * curve * (rest ? host.restShare : 1) * weather.step * grown * (1 + weather.rush) * (1 + weather.mood) +
      weather.burst * host.base,
  )
  const jobs = host.jobs.reduce(
    (sum, job) => sum + ((minute - job.atMin + 1_440) % job.everyMin < job.lastsMin ? job.adds : 0),
    0,
  )
  return { traffic: weather.deploying > 1 ? traffic * 0.6 : traffic, busy: jobs + (weather.deploying > 0 ? 0.25 : 0) }
}
