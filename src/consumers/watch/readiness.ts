import type { ReadinessCheck } from '../../contracts/checks.js'
import { freeBytes } from '../../base/disk.js'
import { EngineError, isEngineError, messageOf } from '../../base/errors.js'
import { noEntity, type StateStore } from '../../state/state-store.js'
import { limits } from '../../base/limits.js'
import type { EventLog } from '../../log/event-log.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { Rebuilds } from '../scoring/rebuilds.js'
import { stopText, type Stops } from '../control/stops.js'
import { controlTopic } from '../ground/topic-names.js'

export interface ReadinessOptions {
  readonly log: EventLog
  /** Where the engine keeps its data. */
  readonly directory: string
  /** Undefined where this process has no use for it; so with the warehouse. */
  readonly store: StateStore | undefined
  readonly warehouse: Warehouse | undefined
  readonly streams: readonly CompiledStream[]
  readonly stops: Pick<Stops, 'stopped'>
  readonly rebuilds: Rebuilds
  /** Why the engine cannot go on; undefined while it can. */
  readonly failure: () => unknown
}

/**
 * Asks every part whether it can do its work now. A warehouse that is away does not make the engine unready: scoring
 * goes on without it; nor does a disk that runs full: reads go on; nor a partition that stands still: the others go on,
 * and its events are taken. State that this process rebuilds does: an upgrade goes on to the next process when it is
 * done. What another one rebuilds is said.
 */
export async function readinessOf({
  log,
  directory,
  store,
  warehouse,
  streams,
  stops,
  rebuilds,
  failure,
}: ReadinessOptions): Promise<readonly ReadinessCheck[]> {
  return [
    {
      check: 'engine',
      ok: failure() === undefined,
      detail: failure() === undefined ? 'running' : messageOf(failure()),
    },
    await ask('log', async () => `control topic at offset ${(await log.bounds(controlTopic)).next}`),
    ...(store === undefined ? [] : [await stateCheck(store, streams, rebuilds)]),
    ...(warehouse === undefined
      ? []
      : [
          workingWithout(
            await ask('warehouse', async () =>
              (await warehouse.query('SELECT 1')).length === 1 ? 'answers' : 'gives no row',
            ),
          ),
        ]),
    workingWithout(await ask('disk', () => roomCheck(directory))),
    workingWithout({
      check: 'partitions',
      ok: stops.stopped().length === 0,
      detail: stops.stopped().map(stopText).join('; ') || 'none is stopped',
    }),
  ]
}

/** Throws where little is left. Reads go on when nothing is, so a full disk takes no process out of service. */
async function roomCheck(directory: string): Promise<string> {
  const free = await freeBytes(directory)
  const text = `${(free / 2 ** 30).toFixed(1)} GiB left for ${directory}`
  if (free < limits.leastFreeBytes)
    throw new EngineError('DISK_FULL', `${text}; free some before nothing can be kept there`)
  return text
}

async function stateCheck(
  store: StateStore,
  streams: readonly CompiledStream[],
  rebuilds: Rebuilds,
): Promise<ReadinessCheck> {
  let parts: readonly string[] = []
  const asked = await ask('state', async () => {
    parts = await partsOf(store, streams)
    const own = rebuilds.current().filter(({ isRebuild }) => isRebuild)
    if (own.length > 0)
      throw new EngineError(
        'REBUILDING',
        own
          .map(
            (one) =>
              `partition ${one.partition} of ${one.stream} is rebuilt from the log: ${one.recordsDone} of ` +
              `${one.records} records`,
          )
          .join('; '),
      )
    return parts.join('; ') || 'readable'
  })
  return asked.ok && parts.length > 0 ? { ...asked, attention: true } : asked
}

/** Of each partition whose state cannot be read as a whole: why. */
async function partsOf(store: StateStore, streams: readonly CompiledStream[]): Promise<readonly string[]> {
  const places = streams.flatMap(({ stream: { name, partitions } }) =>
    Array.from({ length: partitions }, (_, partition) => ({ stream: name, partition })),
  )
  const found = await Promise.all(
    places.map((at) =>
      store.load(at, [noEntity]).then(
        () => '',
        (error: unknown) => (isEngineError(error, 'REBUILDING') ? error.message : Promise.reject(error as Error)),
      ),
    ),
  )
  return found.filter((one) => one !== '')
}

const workingWithout = ({ check, ok, detail }: ReadinessCheck): ReadinessCheck => ({
  check,
  ok: true,
  detail,
  ...(ok ? {} : { attention: true }),
})

async function ask(check: string, question: () => Promise<string>): Promise<ReadinessCheck> {
  try {
    return { check, ok: true, detail: await question() }
  } catch (error) {
    return { check, ok: false, detail: messageOf(error) }
  }
}
