/** An in-memory engine behind the API's ports, with the behaviour that the ports promise. */
import { Counter, Registry } from 'prom-client'
import { EngineError, type ErrorCode } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import type { ApiPorts } from '../../src/contracts/api.js'
import type { Caller } from '../../src/contracts/callers.js'
import type { ReadinessCheck } from '../../src/contracts/checks.js'
import type { Outcome } from '../../src/contracts/outcomes.js'
import type { AcceptedStop } from '../../src/contracts/partitions.js'
import type { PredictionRow } from '../../src/contracts/predictions.js'
import type { Acknowledged, IngestResult, Predicted, Rejected } from '../../src/contracts/scoring.js'
import type { StreamView } from '../../src/contracts/streams.js'
import { fakeRuns, type FakeRuns } from './fake-runs.js'
import { fakeQueries, type QueryAsk } from './fake-queries.js'
import { streams } from './fake-streams.js'
import { fakeTenants } from './fake-tenants.js'
import { fakeDeadLetters, type FakeDeadLetters } from './fake-dead-letters.js'

type Columns = Readonly<Record<string, unknown>>
type Ask = 'ingest' | 'predict' | 'features' | 'appendOutcomes' | 'accept' | 'tenants' | QueryAsk

type Called = (ask: Ask) => Promise<void>

export interface FakeEngine extends ApiPorts {
  readonly deadLetters: FakeDeadLetters
  readonly runs: FakeRuns
  /** What is durable, in log order. */
  readonly log: readonly { readonly stream: string; readonly event: Columns; readonly caller: Caller }[]
  readonly asked: readonly Columns[]
  readonly outcomes: readonly Outcome[]
  /** Rows in the warehouse. */
  readonly rows: PredictionRow[]
  /** The next call of this kind throws. */
  fail(ask: Ask, error: Error | ErrorCode): void
  /** Runs before every call of this kind. */
  before(ask: Ask, act: () => void): void
  /** Calls of this kind wait until the returned function is called. */
  hold(ask: Ask): () => void
  /** Checks that fail from now on. */
  unready(...checks: readonly string[]): void
}

/** The engine's rejection of an event that does not fit its schema. */
function rejectionOf(stream: StreamView, event: Columns): Rejected | undefined {
  const { event_id } = event
  const id = typeof event_id === 'string' ? { event_id } : {}
  if (JSON.stringify(event).length > limits.eventBytes)
    return { ...id, error: { code: 'TOO_LARGE', message: 'the event is larger than 262144 bytes' } }
  if (event['tenant_id'] === 'nobody')
    return { ...id, error: { code: 'UNKNOWN_TENANT', message: 'tenant nobody is not configured', field: 'tenant_id' } }
  for (const field of stream.schema.fields) {
    const value = event[field.name] ?? field.default
    if (value === undefined)
      return { ...id, error: { code: 'BAD_FIELD', message: `${field.name} is missing`, field: field.name } }
    if (field.type === 'string' && typeof value !== 'string')
      return { ...id, error: { code: 'BAD_FIELD', message: `${field.name} is not a string`, field: field.name } }
  }
  return undefined
}

/** The stopped partition of every fake engine. */
export const stopped = {
  reader: 'scoring',
  topic: 'attendance',
  partition: 2,
  code: 'GAP',
  message: 'attendance/2 begins at offset 9',
  lost: { topic: 'attendance', from: 4, to: 8 },
  sinceMs: 1_767_600_000_000,
}

export function fakeEngine(nowMs: () => number = () => 1_767_686_400_000): FakeEngine {
  const rows: PredictionRow[] = []
  let broken: readonly string[] = []
  const { called, ...interrupt } = interruptions()
  const { scoring, ...seen } = fakeScoring(called, nowMs)
  const metrics = new Registry()
  new Counter({ name: 'tidemill_fake_total', help: "Shows that the registry is the engine's.", registers: [metrics] })
  return {
    ...seen,
    rows,
    metrics,
    ...interrupt,
    scoring,
    deadLetters: fakeDeadLetters(),
    runs: fakeRuns(),
    partitions: fakePartitions(called, nowMs),
    tenants: fakeTenants(called, nowMs),
    queries: fakeQueries(rows, called),
    unready: (...checks) => void (broken = checks),
    readiness: async (): Promise<readonly ReadinessCheck[]> =>
      ['log', 'state', 'warehouse'].map((check) => ({
        check,
        ok: !broken.includes(check),
        detail: broken.includes(check) ? 'unreachable' : 'up',
      })),
  }
}

/** `called` runs first in every call to the engine: it waits or throws as the test wants. */
function interruptions(): Pick<FakeEngine, 'before' | 'fail' | 'hold'> & { readonly called: Called } {
  const failures = new Map<Ask, Error>()
  const holds = new Map<Ask, Promise<void>>()
  const acts = new Map<Ask, () => void>()
  return {
    async called(ask) {
      acts.get(ask)?.()
      await holds.get(ask)
      const failure = failures.get(ask)
      failures.delete(ask)
      if (failure) throw failure
    },
    before: (ask, act) => void acts.set(ask, act),
    fail: (ask, error) =>
      void failures.set(ask, error instanceof Error ? error : new EngineError(error, `${error} at /secret/place`)),
    hold(ask) {
      let release: () => void = () => undefined
      holds.set(ask, new Promise<void>((resolve) => (release = resolve)))
      return release
    },
  }
}

function fakeScoring(called: Called, nowMs: () => number): Pick<FakeEngine, 'scoring' | 'log' | 'asked' | 'outcomes'> {
  const log: { stream: string; event: Columns; caller: Caller }[] = []
  const asked: Columns[] = []
  const outcomes: Outcome[] = []
  const streamOf = (name: string): StreamView => streams.find((stream) => stream.name === name)!
  function acknowledge(stream: string, event: Columns, caller: Caller): Acknowledged {
    const offset = log.push({ stream, event: { ...event }, caller }) - 1
    return { event_id: event['event_id'] as string, partition: 0, offset }
  }
  function scoreOf(event: Columns): Predicted {
    asked.push({ ...event })
    return { event_id: event['event_id'] as string, ...score }
  }
  return {
    log,
    asked,
    outcomes,
    scoring: {
      streams: () => streams,
      decodeAvro(stream, body) {
        if (body[0] !== 0xc3) throw new EngineError('BAD_AVRO', `not a ${stream} datum`)
        return JSON.parse(body.subarray(1).toString()) as unknown
      },
      async ingest(stream, events, caller) {
        await called('ingest')
        return (events as readonly Columns[]).map(
          (event): IngestResult => rejectionOf(streamOf(stream), event) ?? acknowledge(stream, event, caller),
        )
      },
      async predict(stream, events) {
        await called('predict')
        return (events as readonly Columns[]).map((event) => rejectionOf(streamOf(stream), event) ?? scoreOf(event))
      },
      async features(_stream, _entity, tenant, ids, atMs) {
        await called('features')
        return tenant === 'acme' && ids[0] === 'ann'
          ? { atMs: atMs ?? nowMs(), values: { visits_1h: ids.length, never: NaN } }
          : undefined
      },
      async appendOutcomes(given) {
        await called('appendOutcomes')
        outcomes.push(...given)
      },
    },
  }
}

const score: Omit<Predicted, 'event_id'> = {
  score: 0.83,
  risk: 'high',
  version: 'heuristic_v1',
  served_by: 'heuristic',
  why: 'no-model',
  reasons: ['visits_1h'],
  late: false,
}

function fakePartitions(called: Called, nowMs: () => number): FakeEngine['partitions'] {
  const accepted: AcceptedStop[] = []
  return {
    list: () => ({
      stopped: [stopped],
      rebuilding: [{ stream: 'visit', partition: 0, recordsDone: 10, records: 40, etaMs: 1_500, isRebuild: true }],
      accepted,
    }),
    async accept({ topic, partition, code }, by, why) {
      await called('accept')
      if (topic !== stopped.topic || partition !== stopped.partition || (code ?? stopped.code) !== stopped.code)
        throw new EngineError('BAD_REQUEST', `${topic}/${partition} has no stop that can be accepted`)
      const { reader, lost } = stopped
      accepted.push({ reader, topic, partition, code: stopped.code, lost, by, why, atMs: nowMs() })
      return accepted.slice(-1)
    },
  }
}
