import type { ReadinessCheck } from '../api/ports.js'
import { messageOf } from '../errors.js'
import type { StateStore } from '../features/state-store.js'
import type { EventLog } from '../log/event-log.js'
import type { Warehouse } from '../sinks/warehouse.js'
import type { CompiledStream } from './compiled.js'
import { controlTopic } from './control.js'

export interface ReadinessOptions {
  readonly log: EventLog
  /** Undefined where this process has no use for it; so with the warehouse. */
  readonly store: StateStore | undefined
  readonly warehouse: Warehouse | undefined
  readonly streams: readonly CompiledStream[]
  /** Why the engine cannot go on; undefined while it can. */
  readonly failure: () => unknown
}

/** Asks every part whether it can do its work now. A warehouse that is away does not make the engine unready: scoring goes on without it. */
export async function readinessOf({ log, store, warehouse, streams, failure }: ReadinessOptions): Promise<readonly ReadinessCheck[]> {
  const stream = streams[0]
  return [
    { check: 'engine', ok: failure() === undefined, detail: failure() === undefined ? 'running' : messageOf(failure()) },
    await ask('log', async () => `control topic at offset ${(await log.bounds(controlTopic)).next}`),
    ...(store === undefined ? [] : [await ask('state', async () => {
      if (stream !== undefined) await store.load({ stream: stream.stream.name, partition: 0 }, ['#'])
      return 'readable'
    })]),
    ...(warehouse === undefined ? [] : [{ ...(await ask('warehouse', async () => ((await warehouse.query('SELECT 1')).length === 1 ? 'answers' : 'gives no row'))), ok: true }]),
  ]
}

async function ask(check: string, question: () => Promise<string>): Promise<ReadinessCheck> {
  try {
    return { check, ok: true, detail: await question() }
  } catch (error) {
    return { check, ok: false, detail: messageOf(error) }
  }
}
