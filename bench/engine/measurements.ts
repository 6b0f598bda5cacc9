/** The measurements of `tidemill bench`, each with its name. */
import {
  producerLingerMs,
  type BenchOptions,
  type Benchmarks,
  type Measurements,
} from '../../src/cli/bench/benchmarks.js'
import { backlog, clusterBacklog, clusterLatency, latency, predictLatency, type Plan } from './measure.js'
import { checkServers } from './servers.js'

const planOf = ({ directory, events, warmup, seconds }: BenchOptions, signal: AbortSignal): Plan => ({
  directory,
  events,
  warmSeconds: warmup,
  seconds,
  signal,
})

function embedded(options: BenchOptions, signal: AbortSignal): Measurements {
  const plan = planOf(options, signal)
  return [
    ['backlog', 'backlog, JSON events, raw events kept', () => backlog(plan, 'json', true)],
    ['backlog', 'backlog, JSON events, raw events not kept', () => backlog(plan, 'json', false)],
    ['backlog', 'backlog, Avro events, raw events kept', () => backlog(plan, 'avro', true)],
    ['backlog', 'backlog, Avro events, raw events not kept', () => backlog(plan, 'avro', false)],
    ['latency', 'latency, 1,000 events/s', () => latency(plan, 1_000, producerLingerMs)],
    ['latency', 'latency, 3,000 events/s', () => latency(plan, 3_000, producerLingerMs)],
    ['latency', 'latency, 1,000 events/s, one event a request', () => latency(plan, 1_000, 0)],
    ['predict', 'API predict, 200 requests/s', () => predictLatency(plan, 200)],
  ]
}

function onCluster(options: BenchOptions, signal: AbortSignal): Measurements {
  const { config: configPath, beside = {}, linger } = options
  checkServers(configPath)
  const plan = { ...planOf(options, signal), servers: { beside, ...(configPath === undefined ? {} : { configPath }) } }
  return [
    ['backlog', 'backlog, JSON events, raw events kept', () => clusterBacklog(plan, 'json', true)],
    ['backlog', 'backlog, Avro events, raw events not kept', () => clusterBacklog(plan, 'avro', false)],
    ['backlog', 'backlog, JSON events, scoring alone', () => clusterBacklog(plan, 'json', false, ['scoring'])],
    ['latency', 'latency, 1,000 events/s', () => clusterLatency(plan, 1_000, linger)],
    ['latency', 'latency, 3,000 events/s', () => clusterLatency(plan, 3_000, linger)],
  ]
}

export const benchmarks: Benchmarks = { embedded, onCluster }
