import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Caller } from '../../contracts/callers.js'
import type { Outcome } from '../../contracts/outcomes.js'
import { isRejected, type ScoringPort } from '../../contracts/scoring.js'
import type { Clock } from '../../base/clock.js'
import { EngineError } from '../../base/errors.js'
import { failureOf } from '../../base/failure.js'
import { createWorld, simulate, type Outcome as SimulatedOutcome } from '../../simulator/index.js'

export interface DemoOptions {
  readonly port: ScoringPort
  readonly streams: ReadonlySet<string>
  readonly clock: Clock
  /** Events per second. */
  readonly rate: number
  /** A file that holds the simulated time that was reached. The next start continues from there. */
  readonly place: string
  readonly onRetry: (why: string) => void
}

interface Place {
  readonly startMs: number
  readonly toldMs: number
}

const dayMs = 24 * 60 * 60 * 1_000
/** The simulation begins a day before the first start, so that rolling features have values within a minute. */
const historyMs = dayMs
/** An older world takes too long to be played from its start. */
const oldestWorldMs = 3 * dayMs
/** Events per request, as many as a customer's gateway sends. */
const batch = 200
const saveEveryMs = 2_000

const caller: Caller = { tenant: '*', key: 'demo' }

/**
 * Sends the events of simulated companies to this engine, through the same port as the API's callers: first a day of
 * history, then what happens now, always at the rate.
 */
export async function startDemo({
  port,
  streams,
  clock,
  rate,
  place,
  onRetry,
}: DemoOptions): Promise<{ close(): Promise<void>; readonly failed: Promise<never> }> {
  const stop = new AbortController()
  const nowMs = clock.nowMs()
  const { startMs, toldMs } = continued(await placeIn(place), nowMs)
  let reached = toldMs
  let savedAtMs = 0
  const write = async (): Promise<void> => {
    await writeFile(`${place}.new`, JSON.stringify({ startMs, toldMs: reached } satisfies Place))
    await rename(`${place}.new`, place)
  }
  // One at a time: an older place must not replace a newer one.
  let saved = Promise.resolve()
  const save = (): Promise<void> => (saved = saved.then(write).catch(() => undefined))
  const running = simulate({
    world: createWorld({ seed: 1, startMs, patterns: 'testing' }),
    async publish(stream, events) {
      if (!streams.has(stream)) return
      const refused = (await port.ingest(stream, events, caller)).find(isRejected)
      if (refused !== undefined)
        throw new EngineError(
          'BAD_REQUEST',
          `the simulator made an event that stream ${stream} refuses: ${refused.error.message}`,
        )
    },
    publishOutcomes: (outcomes) =>
      port.appendOutcomes(outcomes.filter(({ stream }) => streams.has(stream)).map(outcomeOf), caller),
    clock,
    signal: stop.signal,
    historyMs: nowMs - toldMs,
    paced: { lastMs: nowMs - toldMs, rate, steady: true },
    batch,
    progress(sent) {
      reached = sent.reachedMs
      if (clock.nowMs() - savedAtMs < saveEveryMs) return
      savedAtMs = clock.nowMs()
      void save()
    },
    retry: onRetry,
  })
  return {
    failed: failureOf(running),
    async close() {
      stop.abort()
      await running.catch(() => undefined)
      await save()
    },
  }
}

/**
 * Where a start begins. The same world has the same event ids, so what was sent before a crash is a duplicate. After
 * more than a day without a demo, only the last day is made up for.
 */
function continued(place: Place | undefined, nowMs: number): Place {
  if (place === undefined || place.toldMs < nowMs - historyMs || place.toldMs > nowMs)
    return { startMs: nowMs - historyMs, toldMs: nowMs - historyMs }
  return place.startMs >= nowMs - oldestWorldMs ? place : { startMs: place.toldMs - historyMs, toldMs: place.toldMs }
}

async function placeIn(path: string): Promise<Place | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Place
  } catch {
    return undefined
  }
}

const outcomeOf = (outcome: SimulatedOutcome): Outcome => ({
  stream: outcome.stream,
  tenant: outcome.tenant_id,
  event_id: outcome.event_id,
  label: outcome.label,
  source: outcome.kind === 'later-event' ? 'event' : outcome.kind,
  decidedAtMs: outcome.atMs,
})
