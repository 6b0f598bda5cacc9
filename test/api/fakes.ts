/** An engine behind the API's ports that keeps everything in memory and does what the ports' comments promise. */
import { Counter, Registry } from 'prom-client'
import { EngineError, type ErrorCode } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import type { ApiPorts } from '../../src/contracts/api.js'
import type { Caller } from '../../src/contracts/callers.js'
import type { ReadinessCheck } from '../../src/contracts/checks.js'
import type { Outcome } from '../../src/contracts/outcomes.js'
import type { AcceptedStop } from '../../src/contracts/partitions.js'
import type { PredictionFilter, PredictionRow } from '../../src/contracts/predictions.js'
import type { Acknowledged, IngestResult, Predicted, Rejected } from '../../src/contracts/scoring.js'
import type { StreamView, AvroRecord } from '../../src/contracts/streams.js'
import { fakeRuns, type FakeRuns } from './fake-runs.js'
import { fakeDeadLetters, type FakeDeadLetters } from './fake-letters.js'

const string = (name: string) => ({ name, type: 'string' })
const time = (name: string) => ({ name, type: { type: 'long', logicalType: 'timestamp-millis' } })

const visit: AvroRecord = {
  type: 'record',
  name: 'Visit',
  doc: 'Somebody passes a door.',
  fields: [
    string('event_id'),
    string('tenant_id'),
    string('person_id'),
    time('at'),
    { name: 'door', type: ['null', 'string'], default: null },
    { name: 'way', type: { type: 'enum', name: 'Way', symbols: ['in', 'out'] }, doc: 'Which way.' },
  ],
}
const sync: AvroRecord = {
  type: 'record',
  name: 'Sync',
  fields: [string('event_id'), string('tenant_id'), string('user_id'), string('domain'), time('synced_at')],
}

const view = (name: string, schema: AvroRecord, timeColumn: string, entities: StreamView['entities']): StreamView => ({
  name,
  topic: name,
  partitions: 4,
  schema,
  columns: { id: 'event_id', tenant: 'tenant_id', time: timeColumn, key: 'tenant_id' },
  entities,
  features: [
    { name: 'visits_1h', kind: 'count' },
    { name: 'never', kind: 'mean' },
  ],
  family: null,
  serving: { by: 'heuristic', version: 'heuristic_v1' },
  risk: { high: 0.8, medium: 0.5 },
  fingerprint: '0123456789abcdef',
})

export const streams: readonly StreamView[] = [
  view('visit', visit, 'at', [
    { name: 'person', columns: ['person_id'], scope: 'tenant' },
    { name: 'passage', columns: ['person_id', 'door'], scope: 'tenant' },
  ]),
  view('sync', sync, 'synced_at', [{ name: 'user', columns: ['user_id'], scope: 'tenant' }]),
]

type Columns = Readonly<Record<string, unknown>>
type Ask =
  'ingest' | 'predict' | 'features' | 'appendOutcomes' | 'findPredictions' | 'predictionsOf' | 'select' | 'accept'

export interface FakeEngine extends ApiPorts {
  readonly deadLetters: FakeDeadLetters
  readonly runs: FakeRuns
  /** What is durable, in log order. */
  readonly log: readonly { readonly stream: string; readonly event: Columns; readonly caller: Caller }[]
  readonly asked: readonly Columns[]
  readonly outcomes: readonly Outcome[]
  /** Rows that the warehouse has. */
  readonly rows: PredictionRow[]
  /** The next call of this kind throws. */
  fail(ask: Ask, error: Error | ErrorCode): void
  /** Calls of this kind hold until the returned function is called. */
  hold(ask: Ask): () => void
  /** Checks that do not hold from now on. */
  unready(...checks: readonly string[]): void
}

/** Why an event does not fit its schema, as the engine would answer. */
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

/** What stands still in every fake engine. */
export const stopped = {
  reader: 'scoring',
  topic: 'attendance',
  partition: 2,
  code: 'GAP',
  message: 'attendance/2 begins at offset 9',
  lost: { topic: 'attendance', from: 4, to: 8 },
  sinceMs: 1_767_600_000_000,
}

const pages = {
  prefix: 'page:',
  size: (cursor: string | undefined): number => (cursor === undefined ? 0 : Number(/^page:(\d+)$/.exec(cursor)?.[1])),
}

export function fakeEngine(nowMs: () => number = () => 1_767_686_400_000): FakeEngine {
  const log: { stream: string; event: Columns; caller: Caller }[] = []
  const asked: Columns[] = []
  const outcomes: Outcome[] = []
  const rows: PredictionRow[] = []
  const accepted: AcceptedStop[] = []
  const failures = new Map<Ask, Error>()
  const holds = new Map<Ask, Promise<void>>()
  let broken: readonly string[] = []
  const metrics = new Registry()
  new Counter({ name: 'tidemill_fake_total', help: "Shows that the registry is the engine's.", registers: [metrics] })

  const called = async (ask: Ask): Promise<void> => {
    await holds.get(ask)
    const failure = failures.get(ask)
    failures.delete(ask)
    if (failure) throw failure
  }
  const streamOf = (name: string): StreamView => streams.find((stream) => stream.name === name)!

  return {
    log,
    asked,
    outcomes,
    rows,
    metrics,
    deadLetters: fakeDeadLetters(),
    runs: fakeRuns(),
    fail: (ask, error) =>
      void failures.set(ask, error instanceof Error ? error : new EngineError(error, `${error} at /secret/place`)),
    hold(ask) {
      const { promise, release } = gate()
      holds.set(ask, promise)
      return release
    },
    unready: (...checks) => void (broken = checks),
    readiness: async (): Promise<readonly ReadinessCheck[]> =>
      ['log', 'state', 'warehouse'].map((check) => ({
        check,
        ok: !broken.includes(check),
        detail: broken.includes(check) ? 'away' : 'up',
      })),
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
    partitions: {
      list: () => ({
        stopped: [stopped],
        rebuilding: [{ stream: 'visit', partition: 0, isRebuild: true, recordsDone: 10, records: 40, etaMs: 1_500 }],
        accepted,
      }),
      async accept({ topic, partition, code }, by, why) {
        await called('accept')
        if (topic !== stopped.topic || partition !== stopped.partition || (code ?? stopped.code) !== stopped.code)
          throw new EngineError('BAD_REQUEST', `nothing of ${topic}/${partition} stands that could be accepted`)
        const { reader, lost } = stopped
        accepted.push({ reader, topic, partition, code: stopped.code, lost, by, why, atMs: nowMs() })
        return accepted.slice(-1)
      },
    },
    queries: {
      async findPredictions(filter, cursor, limit) {
        await called('findPredictions')
        const from = pages.size(cursor)
        if (Number.isNaN(from)) throw new EngineError('BAD_REQUEST', 'the cursor is not one of ours')
        const found = rows.filter((row) => matches(row, filter)).sort((a, b) => b.eventTimeMs - a.eventTimeMs)
        const more = found.length > from + limit
        return { rows: found.slice(from, from + limit), ...(more && { next: `${pages.prefix}${from + limit}` }) }
      },
      async predictionsOf(eventId, tenant) {
        await called('predictionsOf')
        return rows.filter((row) => row.event_id === eventId && (tenant === undefined || row.tenant === tenant))
      },
      async select(sql, limit) {
        await called('select')
        if (!sql.startsWith('SELECT')) throw new EngineError('BAD_REQUEST', 'only a SELECT is answered')
        return { rows: rows.slice(0, limit).map(({ tenant, score }) => ({ tenant, score })), more: rows.length > limit }
      },
    },
  }

  function acknowledge(stream: string, event: Columns, caller: Caller): Acknowledged {
    const offset = log.push({ stream, event: { ...event }, caller }) - 1
    return { event_id: event['event_id'] as string, partition: 0, offset }
  }
  function scoreOf(event: Columns): Predicted {
    asked.push({ ...event })
    return {
      event_id: event['event_id'] as string,
      score: 0.83,
      risk: 'high',
      version: 'heuristic_v1',
      served_by: 'heuristic',
      why: 'no-model',
      reasons: ['visits_1h'],
      late: false,
    }
  }
}

const matches = (row: PredictionRow, filter: PredictionFilter): boolean =>
  (['tenant', 'stream', 'risk', 'entity', 'version'] as const).every(
    (name) => filter[name] === undefined || row[name] === filter[name],
  ) &&
  row.eventTimeMs >= (filter.fromMs ?? -Infinity) &&
  row.eventTimeMs < (filter.toMs ?? Infinity)

function gate(): { readonly promise: Promise<void>; readonly release: () => void } {
  let release: () => void = () => undefined
  const promise = new Promise<void>((resolve) => (release = resolve))
  return { promise, release }
}

export const row = (given: Partial<PredictionRow> = {}): PredictionRow => ({
  event_id: 'v1',
  tenant: 'acme',
  stream: 'visit',
  topic: 'visit',
  partition: 0,
  offset: 7,
  origin: 'log',
  entity: 'ann',
  eventTimeMs: Date.parse('2026-01-06T08:00:00Z'),
  recordTimeMs: Date.parse('2026-01-06T08:00:01Z'),
  score: 0.9,
  risk: 'high',
  version: 'visit-1',
  served_by: 'model',
  why: null,
  reasons: ['visits_1h'],
  late: false,
  outcome: null,
  ...given,
})
