import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { loadConfig, type Config } from '../../config/load.js'
import { givenSettings } from '../terminal/options.js'

/** Settings that decide what a replay reads and how it scores. */
export const replaySettings = [
  'preset',
  'dataDirectory',
  'tenants',
  'streams.builtin',
  'streams.paths',
  'models.directory',
  'kafka.brokers',
  'schemaRegistry.url',
  'clickhouse.url',
]

/** The configuration of the engine that a command works beside. The command needs no server except the log. */
export const besideEngine = (command: Command, config: string | undefined): Config =>
  loadConfig({ flags: givenSettings(command), servers: ['kafka'], ...(config !== undefined && { configPath: config }) })

/** An id that sorts by time; the random end makes ids of the same second differ. */
export function newRunId(): string {
  const time = new Date(systemClock.nowMs()).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
  return `${time}-${randomBytes(2).toString('hex')}`
}
