import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig, packagePath, type Config } from '../../src/config/load.js'
import type { Role } from '../../src/config/settings.js'
import { compileStream, type CompiledStream } from '../../src/consumers/ground/compiled.js'
import { partitionOf } from '../../src/base/keys.js'
import type { EventLog, NewRecord } from '../../src/log/event-log.js'
import { withLog } from '../../src/compose/tasks.js'
import { loadStreams } from '../../src/streams/load.js'
import { workloadLines } from './workload.js'

export type Encoding = 'json' | 'avro'

/** Where one run keeps its data. */
export interface BenchPlace {
  /** Holds `data` and `models`. */
  readonly directory: string
  readonly rawEvents: boolean
  /** The servers that the environment or a configuration file names; without it the run is embedded. */
  readonly cluster?: {
    readonly configPath?: string
    /** Names what the run makes on servers that others use too. */
    readonly run: string
    /** Of the engine; all where absent. */
    readonly roles?: readonly Role[]
  }
}

const streamPath = packagePath('bench/streams')

/** The settings of `npm start`, with the workload's stream and model instead of the built-in ones. */
export function benchConfig({ directory, rawEvents, cluster }: BenchPlace): Config {
  const flags = {
    dataDirectory: join(directory, 'data'),
    'streams.builtin': [],
    'streams.paths': [streamPath],
    'models.directory': join(directory, 'models'),
    'models.serve': ['attendance-bench/bench-1'],
    'warehouse.rawEvents': rawEvents,
    'api.port': 0,
    'demo.enabled': false,
    tenants: 'any',
  }
  if (cluster === undefined) return loadConfig({ variables: {}, flags })
  const { configPath, run, roles } = cluster
  const own = {
    preset: 'cluster',
    'redis.keyPrefix': `${run}:`,
    'clickhouse.database': run,
    ...(roles === undefined ? {} : { roles }),
  }
  return loadConfig({ flags: { ...flags, ...own }, ...(configPath === undefined ? {} : { configPath }) })
}

export async function benchStream(): Promise<CompiledStream> {
  const [stream] = await loadStreams([streamPath])
  return compileStream(stream!)
}

/** Registers the workload's model in the directory, as training would leave it there. */
export async function placeModel(directory: string, stream: CompiledStream): Promise<void> {
  const folder = join(directory, 'models', stream.stream.model!, 'global', 'bench-1')
  const bytes = await readFile(packagePath('bench/attendance-bench.onnx'))
  const manifest = {
    family: stream.stream.model,
    scope: 'global',
    version: 'bench-1',
    fingerprint: stream.plan.fingerprint,
    features: stream.plan.names,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    input: 'input',
    output: 'probabilities',
    metrics: {},
    reference: {},
    parent: null,
  }
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'model.onnx'), bytes)
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
}

/** A record of the event topic, and the partition that a producer's partitioner gives it. */
export interface Placed {
  readonly partition: number
  readonly record: NewRecord
}

/** The workload's first events, in its order. */
export const workloadRecords = (stream: CompiledStream, encoding: Encoding, events: number): Generator<Placed> =>
  placed(stream, encoding, workloadLines(events))

/** Events given as JSON, as a producer would send them. */
export function* placed(
  { codec, stream }: CompiledStream,
  encoding: Encoding,
  lines: Iterable<string>,
): Generator<Placed> {
  for (const line of lines) {
    const json = Buffer.from(line)
    const event = codec.decode(json)
    const key = codec.keyOf(event)
    yield {
      partition: partitionOf(key, stream.partitions),
      record: { key, value: encoding === 'json' ? json : codec.encodeAvro(event) },
    }
  }
}

/** Events of one append: a producer's batch. */
const batch = 1_000

/** Puts the workload's events into the log of a new place, in the workload's order, as a producer would have. */
export async function fillLog(where: BenchPlace, encoding: Encoding, events: number): Promise<void> {
  const stream = await benchStream()
  await placeModel(where.directory, stream)
  await withLog(benchConfig(where), [stream], (log) =>
    appendInBatches(log, stream, workloadRecords(stream, encoding, events)),
  )
}

/** Appends records in their order, a batch of a partition at a time. */
export async function appendInBatches(log: EventLog, stream: CompiledStream, records: Iterable<Placed>): Promise<void> {
  const waiting: NewRecord[][] = Array.from({ length: stream.stream.partitions }, () => [])
  const flush = async (partition: number): Promise<void> => {
    const taken = waiting[partition]!.splice(0)
    if (taken.length > 0) await log.append({ topic: stream.topics.events, partition }, taken)
  }
  for (const { partition, record } of records) {
    waiting[partition]!.push(record)
    if (waiting[partition]!.length === batch) await flush(partition)
  }
  for (const partition of waiting.keys()) await flush(partition)
}
