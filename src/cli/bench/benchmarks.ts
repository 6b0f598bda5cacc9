/** The interface of `bench/engine`. The package contains it, and the command imports it when it runs. */

export const measurements = ['backlog', 'latency', 'predict'] as const
export type Measurement = (typeof measurements)[number]

/** The attendance workload, also measured on other engines: its events, and the sum of their float32 scores. */
export const workload = { events: 300_000, scoreSum: 80_070.863 } as const

/** How long a producer collects events for a request: the default of Kafka's clients. */
export const producerLingerMs = 5

export interface BenchOptions {
  readonly preset: 'embedded' | 'cluster'
  readonly config?: string
  readonly only?: Measurement
  readonly runs: number
  readonly events: number
  readonly warmup: number
  readonly seconds: number
  readonly directory: string
  readonly linger: number
  /** Process ids of servers by name. */
  readonly beside?: Readonly<Record<string, number>>
}

/** Each resolves with the figures of one run. */
export type Measurements = readonly (readonly [kind: Measurement, name: string, once: () => Promise<object>])[]

export interface Benchmarks {
  embedded(options: BenchOptions, signal: AbortSignal): Measurements
  onCluster(options: BenchOptions, signal: AbortSignal): Measurements
}
