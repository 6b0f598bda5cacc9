import { monotonicMs } from '../../src/base/clock.js'
import { startEngine } from '../../src/compose/engine.js'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths } from '../../src/config/load.js'
import { benchConfig, benchStream, placeModel, type BenchPlace } from './setup.js'
import { postAtRate, type Sent, type Target } from './driver.js'
import { workloadLines } from './workload.js'

export interface Quantiles {
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly count: number
}

export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort()
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? NaN
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1), count: sorted.length }
}

/** An engine for a driver in another process. `finish` gives when each event's prediction became durable. */
export async function startServed(
  where: BenchPlace,
): Promise<{
  readonly target: Target
  finish(): Promise<{ durableMs: readonly (readonly [string, number])[]; cpuSeconds: number; peakMemoryMiB: number }>
}> {
  await placeModel(where.directory, await benchStream())
  const config = benchConfig(where)
  const durableMs = new Map<string, number>()
  const engine = await startEngine(config, {
    onScored({ block }) {
      const nowMs = monotonicMs()
      for (const id of block.eventIds) durableMs.set(id, nowMs)
    },
  })
  const { key } = await openKeys(dataPaths(config.dataDirectory).keys, systemClock).create({
    name: 'bench',
    tenant: '*',
    scopes: ['events:write', 'predict', 'read'],
  })
  const before = process.cpuUsage()
  return {
    target: { url: engine.url, key },
    async finish() {
      const { user, system } = process.cpuUsage(before)
      await engine.stop()
      return {
        durableMs: [...durableMs],
        cpuSeconds: (user + system) / 1e6,
        peakMemoryMiB: process.resourceUsage().maxRSS / 1_024,
      }
    },
  }
}

export interface Drive {
  /** Events per second. */
  readonly rate: number
  /** How long events wait for others to share their request; 0: one event a request. */
  readonly lingerMs: number
  readonly warmSeconds: number
  readonly seconds: number
}

export interface Driven {
  /** Scheduled times by event id, of the measured part. */
  readonly scheduledMs: Record<string, number>
  /** How late the driver itself ever was. */
  readonly driverLatestMs: number
  readonly refused: number
}

/** Sends the workload's next events at a rate: a warm-up that is left out, then the measured part. */
export async function driveEvents(target: Target, { rate, lingerMs, warmSeconds, seconds }: Drive): Promise<Driven> {
  const lines = [...workloadLines(rate * (warmSeconds + seconds))]
  const { sent, latestMs } = await postAtRate(target, '/api/v2/events/attendance-bench', lines, {
    ratePerSecond: rate,
    lingerMs,
  })
  return {
    scheduledMs: scheduledOf(sent, rate * warmSeconds),
    driverLatestMs: latestMs,
    refused: sent.filter(({ taken }) => !taken).length,
  }
}

/** When each event was due, by its id, without the warm-up's. */
export function scheduledOf(sent: readonly Sent[], warm: number): Record<string, number> {
  const scheduledMs: Record<string, number> = {}
  for (let i = warm; i < sent.length; i++) scheduledMs[`e${String(i).padStart(7, '0')}`] = sent[i]!.scheduledMs
  return scheduledMs
}

/**
 * Asks for predictions at a rate, open loop, and gives how long the answers took. A timer that fires late is the
 * driver's, not the engine's: it counts from the sending.
 */
export async function drivePredictions(
  target: Target,
  { rate, lingerMs, warmSeconds, seconds }: Drive,
): Promise<Quantiles & { readonly refused: number }> {
  const lines = [...workloadLines(rate * (warmSeconds + seconds))]
  const { sent } = await postAtRate(target, '/api/v2/predict/attendance-bench', lines, {
    ratePerSecond: rate,
    lingerMs,
  })
  const measured = sent.slice(rate * warmSeconds)
  return {
    ...quantilesOf(measured.map(({ sentMs, answeredMs }) => answeredMs - sentMs)),
    refused: measured.filter(({ taken }) => !taken).length,
  }
}
