import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { loadConfig, type Config } from '../../config/load.js'
import { givenSettings } from '../terminal/options.js'

/** Settings that decide what a replay reads and how it scores: those of the engine beside it. */
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

/** The configuration of the engine that a command works beside; it needs no server but the log. */
export const besideEngine = (command: Command, config: string | undefined): Config =>
  loadConfig({ flags: givenSettings(command), servers: ['kafka'], ...(config !== undefined && { configPath: config }) })

/** Sorts by time, and tells two of one second apart. */
export const newRunId = (): string =>
  `${new Date(systemClock.nowMs()).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}-${randomBytes(2).toString('hex')}`
