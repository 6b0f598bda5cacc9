import type { ReadinessCheck } from '../api/ports.js'
import { EngineError, messageOf } from '../errors.js'
import type { StateStore } from '../features/state-store.js'
import type { EventLog } from '../log/event-log.js'
import type { Warehouse } from '../sinks/warehouse.js'
import type { CompiledStream } from './compiled.js'
import { controlTopic } from './control.js'
import { stopText } from './guarded.js'
import type { Rebuilds } from './rebuilds.js'
import type { Stops } from './stops.js'

export interface ReadinessOptions {
  readonly log: EventLog
  /** Undefined where this process has no use for it; so with the warehouse. */
  readonly store: StateStore | undefined
  readonly warehouse: Warehouse | undefined
  readonly streams: readonly CompiledStream[]
  readonly stops: Pick<Stops, 'standing'>
  readonly rebuilds: Rebuilds
  /** Why the engine cannot go on; undefined while it can. */
  readonly failure: () => unknown
}

/**
 * Asks every part whether it can do its work now. A warehouse that is away does not make the engine unready: scoring
 * goes on without it; nor does a partition that stands still: the others go on, and its events are taken. State that is
 * being rebuilt does, because features and scores on request would be read from a part of it.
 */
export async function readinessOf({ log, store, warehouse, streams, stops, rebuilds, failure }: ReadinessOptions): Promise<readonly ReadinessCheck[]> {
  const stream = streams[0]
  return [
    { check: 'engine', ok: failure() === undefined, detail: failure() === undefined ? 'running' : messageOf(failure()) },
    await ask('log', async () => `control topic at offset ${(await log.bounds(controlTopic)).next}`),
    ...(store === undefined ? [] : [await ask('state', async () => {
      if (stream !== undefined) await store.load({ stream: stream.stream.name, partition: 0 }, ['#'])
      const half = rebuilds.current().filter(({ isRebuild }) => isRebuild)
      if (half.length > 0) throw new EngineError('STORE_DOWN', half.map((one) => `partition ${one.partition} of ${one.stream} is rebuilt from the log: ${one.recordsDone} of ${one.records} records`).join('; '))
      return 'readable'
    })]),
    ...(warehouse === undefined ? [] : [workingWithout(await ask('warehouse', async () => ((await warehouse.query('SELECT 1')).length === 1 ? 'answers' : 'gives no row')))]),
    workingWithout({ check: 'partitions', ok: stops.standing().length === 0, detail: stops.standing().map(stopText).join('; ') || 'none stands still' }),
  ]
}

const workingWithout = ({ check, ok, detail }: ReadinessCheck): ReadinessCheck => ({ check, ok: true, detail, ...(ok ? {} : { attention: true }) })

async function ask(check: string, question: () => Promise<string>): Promise<ReadinessCheck> {
  try {
    return { check, ok: true, detail: await question() }
  } catch (error) {
    return { check, ok: false, detail: messageOf(error) }
  }
}
