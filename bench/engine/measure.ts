import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BacklogRun } from './backlog.js'
import type { Role } from '../../src/config/settings.js'
import type { Target } from './driver.js'
import { quantilesOf, type Driven, type Quantiles } from './latency.js'
import { run, start } from './processes.js'
import type { Received } from './log-driver.js'
import { besides, onServers, type Beside } from './servers.js'
import type { BenchPlace, Encoding } from './setup.js'
import { workload } from './workload.js'

export interface Plan {
  /** Where the data of the runs goes; removed after each. */
  readonly directory: string
  readonly events: number
  readonly warmSeconds: number
  readonly seconds: number
  readonly signal: AbortSignal
  /** The servers that runs of the cluster preset use, and the processes whose CPU is told beside the engine's. */
  readonly servers?: { readonly configPath?: string; readonly beside: Beside }
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
  inDirectory(plan, (directory) => backlogIn(plan, { directory, rawEvents }, encoding))

async function backlogIn(plan: Plan, where: BenchPlace, encoding: Encoding): Promise<BacklogResult> {
  await run({ task: 'fill', where, encoding, events: plan.events }, plan.signal)
  const result = await besides(plan.servers?.beside ?? {}, () =>
    run<BacklogRun>({ task: 'backlog', where, events: plan.events }, plan.signal),
  )
  const whole = plan.events === workload.events
  return {
    ...result,
    scoreSumAgrees: whole ? Math.abs(result.scoreSum - workload.scoreSum) <= workload.scoreSumTolerance : undefined,
  }
}

/**
 * The same on servers: in their topic, with their state and tables, or scored only, as engines without a warehouse do.
 */
export const clusterBacklog = (
  plan: Plan,
  encoding: Encoding,
  rawEvents: boolean,
  roles?: readonly Role[],
): Promise<BacklogResult> => inCluster(plan, rawEvents, roles, (where) => backlogIn(plan, where, encoding))

const inCluster = <T>(
  plan: Plan,
  rawEvents: boolean,
  roles: readonly Role[] | undefined,
  work: (where: BenchPlace) => Promise<T>,
): Promise<T> =>
  inDirectory(plan, async (directory) => {
    const configPath = plan.servers?.configPath
    const cluster = {
      run: `tidemill_bench_${randomBytes(6).toString('hex')}`,
      ...(configPath === undefined ? {} : { configPath }),
      ...(roles === undefined ? {} : { roles }),
    }
    const where = { directory, rawEvents, cluster }
    return onServers(where, () => work(where))
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

/** What an engine for a driver says at its end. */
interface Finished {
  readonly durableMs: readonly (readonly [string, number])[]
  readonly cpuSeconds: number
  readonly peakMemoryMiB: number
}

/** An engine in a process of its own, driven by `drive` in another. */
async function driven<T extends Driven>(
  plan: Plan,
  where: BenchPlace,
  drive: (target: Target) => Promise<T>,
): Promise<{ readonly driven: T; readonly result: LatencyResult }> {
  const engine = start({ task: 'serve', where }, plan.signal)
  const driven = await drive(await engine.next<Target>())
  engine.finish()
  const { durableMs, cpuSeconds, peakMemoryMiB } = await engine.next<Finished>()
  await engine.exited()
  const { scheduledMs, driverLatestMs, refused } = driven
  const ids = Object.keys(scheduledMs)
  const durable = new Map(durableMs)
  const latencies = ids.flatMap((id) => (durable.has(id) ? [durable.get(id)! - scheduledMs[id]!] : []))
  const cores = cpuSeconds / (plan.warmSeconds + plan.seconds)
  return {
    driven,
    result: {
      ...quantilesOf(latencies),
      cores,
      peakMemoryMiB,
      driverLatestMs,
      refused,
      missing: ids.length - latencies.length,
    },
  }
}

/** From an event's scheduled time to its durable prediction, driven over HTTP by another process. */
export const latency = (plan: Plan, rate: number, lingerMs: number): Promise<LatencyResult> =>
  inDirectory(plan, async (directory) => {
    const drive = (target: Target): Promise<Driven> =>
      run(
        { task: 'drive-events', target, rate, lingerMs, warmSeconds: plan.warmSeconds, seconds: plan.seconds },
        plan.signal,
      )
    return (await driven(plan, { directory, rawEvents: true }, drive)).result
  })

export interface ClusterLatencyResult extends LatencyResult {
  /**
   * The same up to when the prediction was durable in its topic, as the engine learns it; the other figures are of its
   * receipt.
   */
  readonly durableP50Ms: number
  readonly durableP99Ms: number
}

/**
 * From an event's scheduled time to the receipt of its prediction by a consumer of the topic, who is its producer too
 * and a process of its own.
 */
export const clusterLatency = (plan: Plan, rate: number, lingerMs: number): Promise<ClusterLatencyResult> =>
  inCluster(plan, true, undefined, (where) =>
    besides(plan.servers?.beside ?? {}, async () => {
      const drive = (): Promise<Received> =>
        run(
          { task: 'drive-log', where, rate, lingerMs, warmSeconds: plan.warmSeconds, seconds: plan.seconds },
          plan.signal,
        )
      const { driven: received, result } = await driven(plan, where, drive)
      const missing = Object.keys(received.scheduledMs).length - received.receipt.count
      return { ...result, ...received.receipt, missing, durableP50Ms: result.p50Ms, durableP99Ms: result.p99Ms }
    }),
  )

export type PredictResult = Quantiles & { readonly refused: number }

/** How long a caller waits for a prediction, over loopback. */
export const predictLatency = (plan: Plan, rate: number): Promise<PredictResult> =>
  inDirectory(plan, async (directory) => {
    const engine = start({ task: 'serve', where: { directory, rawEvents: true } }, plan.signal)
    const target = await engine.next<Target>()
    const result = await run<PredictResult>(
      { task: 'drive-predictions', target, rate, lingerMs: 0, warmSeconds: plan.warmSeconds, seconds: plan.seconds },
      plan.signal,
    )
    engine.finish()
    await engine.next()
    await engine.exited()
    return result
  })
