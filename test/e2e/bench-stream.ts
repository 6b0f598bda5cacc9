import { join } from 'node:path'
import { benchStream, placeModel } from '../../src/cli/bench/setup.js'
import { loadConfig, packagePath, type Config } from '../../src/config.js'
import type { CompiledStream } from '../../src/consumers/compiled.js'
import { partitionOf } from '../../src/keys.js'
import type { EventLog, NewRecord } from '../../src/log/event-log.js'
import { withLog } from '../../src/tasks.js'
import type { TestPreset } from './presets.js'

/** The workload's stream, which has four partitions, and an engine that scores it alone with the workload's model. */
export interface BenchStream {
  readonly stream: CompiledStream
  readonly flags: Readonly<Record<string, unknown>>
  readonly config: Config
}

export async function benchOn(preset: TestPreset, directory: string): Promise<BenchStream> {
  const stream = await benchStream()
  await placeModel(directory, stream)
  const flags = {
    dataDirectory: join(directory, 'data'), 'streams.builtin': [], 'streams.paths': [packagePath('bench/streams')], 'models.directory': join(directory, 'models'),
    'warehouse.rawEvents': false, 'api.port': 0, 'demo.enabled': false, tenants: 'any',
  } // prettier-ignore
  return { stream, flags, config: loadConfig({ variables: preset.variables, flags }) }
}

/** Records of one append: a producer's batch. */
const batch = 1_000

/** Puts events into the log of a configuration as a producer would: in their order, each in the partition of its key. */
export const publish = ({ stream, config }: BenchStream, lines: Iterable<string>): Promise<void> => withLog(config, [stream], (log) => append(log, stream, lines))

export async function append(log: EventLog, stream: CompiledStream, lines: Iterable<string>): Promise<void> {
  const waiting: NewRecord[][] = Array.from({ length: stream.stream.partitions }, () => [])
  const flush = async (partition: number): Promise<void> => {
    const records = waiting[partition]!.splice(0)
    if (records.length > 0) await log.append({ topic: stream.topics.events, partition }, records)
  }
  for (const line of lines) {
    const value = Buffer.from(line)
    const key = stream.codec.keyOf(stream.codec.decode(value))
    const partition = partitionOf(key, stream.stream.partitions)
    waiting[partition]!.push({ key, value })
    if (waiting[partition]!.length === batch) await flush(partition)
  }
  for (const partition of waiting.keys()) await flush(partition)
}
