import { Gauge, type Registry } from 'prom-client'
import { freeBytes } from '../../base/disk.js'
import type { Rebuilds } from '../scoring/rebuilds.js'
import type { Stops } from '../control/stops.js'

/** What is read when somebody asks for the metrics. */
export interface GaugeSources {
  readonly version: string
  readonly preset: string
  readonly roles: readonly string[]
  readonly streams: readonly string[]
  /** Records of the stream's event topic that are not yet scored, by any process. */
  readonly lagRecords: (stream: string) => number
  /** The version that serves tenants without a model of their own. */
  readonly versionOf: (stream: string) => string
  /** Where the engine keeps its data. */
  readonly directory: string
  readonly stops: Pick<Stops, 'stopped'>
  readonly rebuilds: Rebuilds
  /** Undefined where this process does not fill the warehouse. */
  readonly warehouse: { lagRecords(): number; up(): boolean } | undefined
}

/** Registers what is true of the process now, as opposed to what was counted. */
export function registerGauges(registry: Registry, sources: GaugeSources): void {
  const { version, preset, roles, streams, warehouse } = sources
  const registers = [registry]
  const info = new Gauge({
    name: 'tidemill_process_info',
    help: '1 for each role of this process.',
    labelNames: ['version', 'preset', 'role'],
    registers,
  })
  for (const role of roles) info.set({ version, preset, role }, 1)
  new Gauge({
    name: 'tidemill_lag_records',
    help: 'Records of an event topic that are not yet scored, by any process: every process tells the same.',
    labelNames: ['stream'],
    registers,
    collect() {
      for (const stream of streams) this.set({ stream }, sources.lagRecords(stream))
    },
  })
  new Gauge({
    name: 'tidemill_serving_info',
    help: '1 for the version that scores a stream, for tenants without a model of their own.',
    labelNames: ['stream', 'version'],
    registers,
    collect() {
      this.reset()
      for (const stream of streams) this.set({ stream, version: sources.versionOf(stream) }, 1)
    },
  })
  new Gauge({
    name: 'tidemill_disk_free_bytes',
    help: 'What is left to this process of the disk that its data directory is on.',
    registers,
    async collect() {
      this.set(await freeBytes(sources.directory).catch(() => Number.NaN))
    },
  })
  new Gauge({
    name: 'tidemill_partition_stopped',
    help:
      '1 for a partition that stands still until an operator accepts or repairs what its code says: every ' +
      'process tells the same.',
    labelNames: ['reader', 'topic', 'partition', 'code'],
    registers,
    collect() {
      this.reset()
      for (const { reader, topic, partition, code } of sources.stops.stopped())
        this.set({ reader, topic, partition: String(partition), code }, 1)
    },
  })
  new Gauge({
    name: 'tidemill_rebuild_records',
    help:
      'Records of a partition that are still to be folded again, without being scored: after a restart those ' +
      'since its last commit, after a loss of its state all of them.',
    labelNames: ['stream', 'partition'],
    registers,
    collect() {
      this.reset()
      for (const { stream, partition, records, recordsDone } of sources.rebuilds.current())
        this.set({ stream, partition: String(partition) }, records - recordsDone)
    },
  })
  if (warehouse === undefined) return
  new Gauge({ name: 'tidemill_warehouse_lag_records', help: 'Records of the partitions of this process that are not yet in the warehouse.', registers, collect() { this.set(warehouse.lagRecords()) } }) // prettier-ignore
  new Gauge({ name: 'tidemill_warehouse_up', help: '1, or 0 while the warehouse does not take what this process has for it.', registers, collect() { this.set(Number(warehouse.up())) } }) // prettier-ignore
}
