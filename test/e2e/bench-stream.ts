import { join } from 'node:path'
import { appendInBatches, benchStream, placed, placeModel } from '../../bench/engine/setup.js'
import { loadConfig, packagePath, type Config } from '../../src/config/load.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import type { EventLog } from '../../src/log/event-log.js'
import { withLog } from '../../src/compose/tasks.js'
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
    dataDirectory: join(directory, 'data'),
    'streams.builtin': [],
    'streams.paths': [packagePath('bench/streams')],
    'models.directory': join(directory, 'models'),
    'models.serve': ['attendance-bench/bench-1'],
    'warehouse.rawEvents': false,
    'api.port': 0,
    'demo.enabled': false,
    tenants: 'any',
  }
  return { stream, flags, config: loadConfig({ variables: preset.variables, flags }) }
}

/**
 * Puts events into the log of a configuration as a producer would: in their order, each in the partition of its key.
 */
export const publish = ({ stream, config }: BenchStream, lines: Iterable<string>): Promise<void> =>
  withLog(config, [stream], (log) => append(log, stream, lines))

export const append = (log: EventLog, stream: CompiledStream, lines: Iterable<string>): Promise<void> =>
  appendInBatches(log, stream, placed(stream, 'json', lines))
