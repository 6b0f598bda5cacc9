import { existsSync } from 'node:fs'
import { systemClock } from '../../base/clock.js'
import { dataPaths, type Config } from '../../config/load.js'
import type { Check } from '../../contracts/checks.js'
import { isEngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { lockDirectory } from '../../base/lock.js'
import type { EventLog, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { chooseStreams } from '../../streams/choose.js'
import { topicsOf } from '../../streams/stream.js'
import { checked } from './local-checks.js'
import { count } from '../terminal/terminal.js'

/** Opens the stores of a data directory as an engine does. The caller closes them. */
export interface Stores {
  openLog(): Promise<
    EventLog & {
      readonly repairs: readonly { readonly file: string; readonly reason: string }[]
      close(): Promise<void>
    }
  >
  openState(): Promise<{ readonly repairs: readonly string[]; close(): Promise<void> }>
  openWarehouse(): Promise<Warehouse>
}

/** Checks the stores of a directory that no engine holds; locks the directory meanwhile. */
export async function storeChecks(config: Config, stores: Stores, signal: AbortSignal): Promise<readonly Check[]> {
  const paths = dataPaths(config.dataDirectory)
  if (!existsSync(paths.log))
    return ['log', 'state', 'warehouse'].map((name): Check => ({
      name,
      result: 'skipped',
      detail: 'does not exist yet',
    }))
  const lock = await lockDirectory(config.dataDirectory, {
    pid: process.pid,
    startedAt: new Date(systemClock.nowMs()).toISOString(),
  })
  try {
    return [
      await checked('log', () => logText(config, stores, signal)),
      await checked('state', () => stateText(stores)),
      await checked('warehouse', () => warehouseText(stores)),
    ]
  } finally {
    await lock.release()
  }
}

/** Reads every record of every stream's topics; the log checks the CRC of each frame. */
async function logText(config: Config, stores: Stores, signal: AbortSignal): Promise<string> {
  const log = await stores.openLog()
  try {
    let records = 0
    let partitions = 0
    for (const stream of await chooseStreams(config.streams)) {
      for (const topic of Object.values(topicsOf(stream))) {
        if (!(await exists(log, topic))) continue
        for (let partition = 0; partition < stream.partitions; partition++) {
          records += await recordsIn(log, { topic, partition }, signal)
          partitions += 1
        }
      }
    }
    const cut = log.repairs.map(({ file, reason }) => `; ${file}: cut off the torn end (${reason})`).join('')
    return `${count(records)} records of ${partitions} partitions are intact${cut}`
  } finally {
    await log.close()
  }
}

/** A stream that was added after the engine last ran has no topics yet. */
async function exists(log: EventLog, topic: string): Promise<boolean> {
  try {
    await log.bounds({ topic, partition: 0 })
    return true
  } catch (error) {
    if (isEngineError(error, 'TOPIC_MISMATCH')) return false
    throw error
  }
}

async function recordsIn(log: EventLog, at: TopicPartition, signal: AbortSignal): Promise<number> {
  const bounds = await log.bounds(at)
  const reader = log.reader(at)
  let records = 0
  try {
    for await (const read of readUpTo(
      reader,
      bounds.first,
      bounds.next,
      { records: limits.chunkRecords, bytes: limits.chunkBytes },
      signal,
    ))
      records += read.length
  } finally {
    await reader.close()
  }
  return records
}

async function stateText(stores: Stores): Promise<string> {
  const state = await stores.openState()
  await state.close()
  return state.repairs.length === 0 ? 'opens' : `the next start rebuilds it from the log: ${state.repairs.join('; ')}`
}

async function warehouseText(stores: Stores): Promise<string> {
  const warehouse = await stores.openWarehouse()
  try {
    const tables = await warehouse.query<{ name: string; rows: string | number | null }>(
      'SELECT name, total_rows AS rows FROM system.tables WHERE database = currentDatabase() ORDER BY name',
    )
    const predictions = tables.find(({ name }) => name === 'predictions')
    return (
      `${tables.length} ` +
      `tables${predictions === undefined ? '' : `, ${count(Number(predictions.rows))} rows of predictions`}`
    )
  } finally {
    await warehouse.close()
  }
}
