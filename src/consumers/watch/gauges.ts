import { Gauge, type Registry } from 'prom-client'
import { freeBytes } from '../../base/disk.js'
import type { Rebuilds } from '../scoring/rebuilds.js'
import type { Stops } from '../control/stops.js'

/** The sources of the gauges. They are read when `/metrics` is requested. */
export interface GaugeSources {
  readonly version: string
  readonly preset: string
  readonly roles: readonly string[]
  readonly streams: readonly string[]
  /** Records of the stream's event topic that no process has scored yet. */
  readonly lagRecords: (stream: string) => number
  /** The version that serves tenants without a model of their own. */
  readonly versionOf: (stream: string) => string
  /** The data directory. */
  readonly directory: string
  readonly stops: Pick<Stops, 'stopped'>
  readonly rebuilds: Rebuilds
  /** Undefined where this process does not fill the warehouse. */
  readonly warehouse: { lagRecords(): number; up(): boolean } | undefined
}

type AddGauge = <Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[],
  collect: (gauge: Gauge<Label>) => void | Promise<void>,
) => void

/** Registers the gauges of the process. They show its present state; counters show what happened. */
export function registerGauges(registry: Registry, sources: GaugeSources): void {
  const registers = [registry]
  const add: AddGauge = (name, help, labelNames, collect) => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        return collect(this)
      },
    })
  }
  const { version, preset, roles, warehouse } = sources
  add('tidemill_process_info', '1 for each role of this process.', ['version', 'preset', 'role'], (gauge) => {
    for (const role of roles) gauge.set({ version, preset, role }, 1)
  })
  addStreamGauges(add, sources)
  addPartitionGauges(add, sources)
  add(
    'tidemill_disk_free_bytes',
    'Free bytes on the disk of the data directory, as far as this process may use them.',
    [],
    async (gauge) => gauge.set(await freeBytes(sources.directory).catch(() => Number.NaN)),
  )
  if (warehouse === undefined) return
  add(
    'tidemill_warehouse_lag_records',
    'Records of the partitions of this process that are not yet in the warehouse.',
    [],
    (gauge) => gauge.set(warehouse.lagRecords()),
  )
  add('tidemill_warehouse_up', '1, or 0 while this process cannot write to the warehouse.', [], (gauge) =>
    gauge.set(Number(warehouse.up())),
  )
}

function addStreamGauges(add: AddGauge, { streams, lagRecords, versionOf }: GaugeSources): void {
  add(
    'tidemill_lag_records',
    'Records of an event topic that no process has scored yet; every process reports the same.',
    ['stream'],
    (gauge) => {
      for (const stream of streams) gauge.set({ stream }, lagRecords(stream))
    },
  )
  add(
    'tidemill_serving_info',
    '1 for the version that scores a stream, for tenants without a model of their own.',
    ['stream', 'version'],
    (gauge) => {
      gauge.reset()
      for (const stream of streams) gauge.set({ stream, version: versionOf(stream) }, 1)
    },
  )
}

function addPartitionGauges(add: AddGauge, { stops, rebuilds }: GaugeSources): void {
  add(
    'tidemill_partition_stopped',
    '1 for a partition that is stopped until an operator accepts or repairs what its code names; every process ' +
      'reports the same.',
    ['reader', 'topic', 'partition', 'code'],
    (gauge) => {
      gauge.reset()
      for (const { reader, topic, partition, code } of stops.stopped())
        gauge.set({ reader, topic, partition: String(partition), code }, 1)
    },
  )
  add(
    'tidemill_rebuild_records',
    'Records of a partition that its owner still has to fold again without scoring: after a restart those since ' +
      'its last commit, after a loss of its state all of them.',
    ['stream', 'partition'],
    (gauge) => {
      gauge.reset()
      for (const { stream, partition, records, recordsDone } of rebuilds.current())
        gauge.set({ stream, partition: String(partition) }, records - recordsDone)
    },
  )
}
