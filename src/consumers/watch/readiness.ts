import type { ReadinessCheck } from '../../contracts/checks.js'
import type { Clock } from '../../base/clock.js'
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
import { placementProblems } from './placements.js'
import type { ClocksAhead } from './clocks-ahead.js'

export interface ReadinessOptions {
  readonly clock: Clock
  readonly log: EventLog
  /** The data directory. */
  readonly directory: string
  /** Undefined where this process does not use it. */
  readonly store: StateStore | undefined
  /** Undefined where this process does not use it. */
  readonly warehouse: Warehouse | undefined
  readonly streams: readonly CompiledStream[]
  readonly stops: Pick<Stops, 'stopped'>
  readonly rebuilds: Rebuilds
  /** Further checks, of which none makes the engine unready. */
  readonly more: readonly (() => ReadinessCheck | Promise<ReadinessCheck>)[]
  /** Why models that were chosen to serve do not score all rows. */
  readonly modelProblems: () => readonly string[]
  readonly clocksAhead: Pick<ClocksAhead, 'lately'>
  /** The error that ended the engine's work; undefined while it runs. */
  readonly failure: () => unknown
}

/**
 * Checks every part of the engine. The engine stays ready, with a check that asks for attention, while
 *
 * - the warehouse is unreachable: scoring continues without it;
 * - the disk is nearly full: reads continue;
 * - the log deletes records too early, because of their producers' timestamps;
 * - a model fails or is refused: the heuristic scores its rows;
 * - a partition is stopped: the others continue, and the engine still takes the events of the stopped one;
 * - a producer writes to partitions that the key does not give: events are scored, with a part of their history;
 * - the clocks of some sources ran ahead: their events were taken back;
 * - another process rebuilds state.
 *
 * The engine is not ready while this process rebuilds state, so that an upgrade waits before it replaces the next one.
 */
export async function readinessOf({
  clock,
  log,
  directory,
  store,
  warehouse,
  streams,
  stops,
  rebuilds,
  more,
  modelProblems,
  clocksAhead,
  failure,
}: ReadinessOptions): Promise<readonly ReadinessCheck[]> {
  return [
    {
      check: 'engine',
      ok: failure() === undefined,
      detail: failure() === undefined ? 'running' : messageOf(failure()),
    },
    await ask('log', async () => `control topic at offset ${(await log.bounds(controlTopic)).next}`),
    ...(store === undefined
      ? []
      : [await stateCheck(store, streams, rebuilds), workingWithout(await producersCheck(store, streams, clock))]),
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
      check: 'models',
      ok: modelProblems().length === 0,
      detail: modelProblems().join('; ') || 'none fails',
    }),
    workingWithout({
      check: 'partitions',
      ok: stops.stopped().length === 0,
      detail: stops.stopped().map(stopText).join('; ') || 'none is stopped',
    }),
    clocksCheck(clocksAhead.lately()),
    ...(await Promise.all(more.map(async (check) => check()))),
  ]
}

async function producersCheck(
  store: StateStore,
  streams: readonly CompiledStream[],
  clock: Clock,
): Promise<ReadinessCheck> {
  let problems: readonly string[] = []
  const asked = await ask('producers', async () => {
    problems = await placementProblems(store, streams, clock.nowMs())
    return problems.join('; ') || 'every event of the last hour is in the partition of its key'
  })
  return { ...asked, ok: asked.ok && problems.length === 0 }
}

const mostNamed = 5

function clocksCheck(lately: readonly string[]): ReadinessCheck {
  const more = lately.length > mostNamed ? [`and ${lately.length - mostNamed} more`] : []
  return workingWithout({
    check: 'clocks',
    ok: lately.length === 0,
    detail: [...lately.slice(0, mostNamed), ...more].join('; ') || 'no source ran ahead within a day',
  })
}

/** Throws DISK_FULL when little space is left. */
async function roomCheck(directory: string): Promise<string> {
  const free = await freeBytes(directory)
  const text = `${(free / 2 ** 30).toFixed(1)} GiB left for ${directory}`
  if (free < limits.leastFreeBytes) throw new EngineError('DISK_FULL', `${text}; free some before the disk is full`)
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
            ({ partition, stream, recordsDone, records }) =>
              `partition ${partition} of ${stream} is rebuilt from the log: ${recordsDone} of ${records} records`,
          )
          .join('; '),
      )
    return parts.join('; ') || 'readable'
  })
  return asked.ok && parts.length > 0 ? { ...asked, attention: true } : asked
}

/** For each partition whose state cannot be read completely: the reason. */
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

/** The engine works without this part: a failed check asks for attention, and does not make the engine unready. */
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
