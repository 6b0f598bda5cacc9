import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BacklogRun } from './backlog.js'
import type { Target } from './driver.js'
import { quantilesOf, type Driven, type Quantiles } from './latency.js'
import { run, start } from './processes.js'
import type { Encoding } from './setup.js'
import { workload } from './workload.js'

export interface Plan {
  /** Where the data of the runs goes; removed after each. */
  readonly directory: string
  readonly events: number
  readonly warmSeconds: number
  readonly seconds: number
  readonly signal: AbortSignal
}

async function inDirectory<T>(plan: Plan, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(plan.directory, 'tidemill-bench-'))
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export interface BacklogResult extends BacklogRun {
  /** Whether the sum of the scores is the workload's; undefined for a part of it. */
  readonly scoreSumAgrees: boolean | undefined
}

/** One backlog: fill a log, score it with a fresh engine. */
export const backlog = (plan: Plan, encoding: Encoding, rawEvents: boolean): Promise<BacklogResult> =>
  inDirectory(plan, async (directory) => {
    const where = { directory, rawEvents }
    await run({ task: 'fill', where, encoding, events: plan.events }, plan.signal)
    const result = await run<BacklogRun>({ task: 'backlog', where, events: plan.events }, plan.signal)
    const whole = plan.events === workload.events
    return { ...result, scoreSumAgrees: whole ? Math.abs(result.scoreSum - workload.scoreSum) <= workload.scoreSumTolerance : undefined }
  })

export interface LatencyResult extends Quantiles {
  /** CPU of the engine's process alone, in cores. */
  readonly cores: number
  readonly peakMemoryMiB: number
  readonly driverLatestMs: number
  /** Requests answered with an error, and events that got no prediction. */
  readonly refused: number
  readonly missing: number
}

/** From an event's scheduled time to its durable prediction, driven over HTTP by another process. */
export const latency = (plan: Plan, rate: number, lingerMs: number): Promise<LatencyResult> =>
  inDirectory(plan, async (directory) => {
    const engine = start({ task: 'serve', where: { directory, rawEvents: true } }, plan.signal)
    const target = await engine.next<Target>()
    const driven = await run<Driven>({ task: 'drive-events', target, rate, lingerMs, warmSeconds: plan.warmSeconds, seconds: plan.seconds }, plan.signal)
    engine.finish()
    const { durableMs, cpuSeconds, peakMemoryMiB } = await engine.next<{ durableMs: readonly (readonly [string, number])[]; cpuSeconds: number; peakMemoryMiB: number }>()
    await engine.exited()
    const ids = Object.keys(driven.scheduledMs)
    const durable = new Map(durableMs)
    const latencies = ids.flatMap((id) => (durable.has(id) ? [durable.get(id)! - driven.scheduledMs[id]!] : []))
    return { ...quantilesOf(latencies), cores: cpuSeconds / (plan.warmSeconds + plan.seconds), peakMemoryMiB, driverLatestMs: driven.driverLatestMs, refused: driven.refused, missing: ids.length - latencies.length }
  })

export type PredictResult = Quantiles & { readonly refused: number }

/** How long a caller waits for a prediction, over loopback. */
export const predictLatency = (plan: Plan, rate: number): Promise<PredictResult> =>
  inDirectory(plan, async (directory) => {
    const engine = start({ task: 'serve', where: { directory, rawEvents: true } }, plan.signal)
    const target = await engine.next<Target>()
    const result = await run<PredictResult>({ task: 'drive-predictions', target, rate, lingerMs: 0, warmSeconds: plan.warmSeconds, seconds: plan.seconds }, plan.signal)
    engine.finish()
    await engine.next()
    await engine.exited()
    return result
  })
