import { EngineError } from '../../base/errors.js'
import type { Duration, Entity, Feature } from '../../features/feature.js'
import type { Allowed, AnyEvent, Required, TextColumn, TimeColumn } from '../schema/columns.js'
import type { Described } from './described.js'
import { durationMs } from './duration.js'
import { longestHorizonMs } from './horizon.js'
import { absentMembers, durationProblems } from './members.js'
import type { Schema } from '../schema/schema.js'
import type { Stream } from '../stream.js'
import { validateStream } from './validate.js'
import { isExpression, type Expression } from './values.js'

/** One id column, several columns that identify the entity together, or columns with a scope. */
export type EntityOf<C> =
  | TextColumn<C>
  | readonly TextColumn<C>[]
  | { readonly columns: TextColumn<C> | readonly TextColumn<C>[]; readonly scope: Entity['scope'] }

/** The definition of a stream. `C` is an event, `E` the entities, `F` the features in the order of the vector. */
export interface StreamDefinition<C, E, F> {
  readonly name: string
  readonly schema: Schema<C>
  readonly id: Required<C, TextColumn<C>>
  readonly time: Required<C, TimeColumn<C>>
  readonly tenant: Required<C, TextColumn<C>>
  /**
   * The column that decides the partition; the tenant by default. With another key, features of other entities are
   * refused, unless these entities have the scope `partition`.
   */
  readonly key?: Required<C, TextColumn<C>>
  readonly entities: E
  readonly features: F
  readonly model?: string
  readonly heuristic: (x: Readonly<Record<keyof F & string, number>>) => number
  /** Uninformative feature values; 0 by default. */
  readonly typical?: Readonly<Partial<Record<keyof F & string, number>>>
  readonly risk: { readonly high: number; readonly medium: number }
  readonly outcome: { readonly matureAfter: Duration; readonly silenceMeans: 'genuine' | 'unknown' }
  /** The stream's name by default. */
  readonly topic?: string
  /** 4 by default. */
  readonly partitions?: number
  /** How late an event may be and still be folded into the state, in event time and per tenant; an hour by default. */
  readonly lateness?: Duration
  /**
   * The entity whose own newest event decides lateness, instead of the tenant's time mark. For sources that backfill at
   * different paces. Its state never expires.
   */
  readonly latenessBy?: keyof E & string
  /**
   * The entity whose clock gives the event times (a device); the first one by default. No single one of them moves the
   * time of its tenant: an event that is far ahead of it counts when another one of them agrees.
   */
  readonly clock?: keyof E & string
  /** How long the log keeps events; by default 35 days more than the longest horizon plus the lateness. */
  readonly retention?: Duration
  /** `high` by default. */
  readonly reasonsFrom?: Stream['reasonsFrom']
}

/**
 * Checks a stream and returns it as a plain, frozen object. A wrong column, a sum of text, an unknown entity or window
 * and an unknown feature in the heuristic do not compile (`tidemill streams check` compiles). Problems of files that
 * nobody compiles are found here. Throws BAD_STREAM with every problem and its field.
 */
export function defineStream<
  C extends object = AnyEvent,
  const E extends Readonly<Record<string, EntityOf<C>>> = Readonly<Record<string, EntityOf<C>>>,
  const F extends {
    readonly [K in keyof F]:
      | Described<Allowed<C, keyof E & string, keyof F & string>>
      | Expression<Allowed<C, keyof E & string, keyof F & string>>
  } = Record<string, never>,
>(definition: StreamDefinition<C, E, F>): Stream {
  const absent = absentMembers(definition)
  if (absent.length > 0) throw badStream(definition.name, absent)
  const stream = plain(definition)
  const problems = [...durationProblems(definition), ...validateStream(stream)]
  if (problems.length > 0) throw badStream(stream.name, problems)
  streams.add(stream)
  return stream
}

const nextProblem = '\n  '
const badStream = (name: unknown, problems: readonly string[]): EngineError =>
  new EngineError('BAD_STREAM', [`stream '${String(name)}':`, ...problems].join(nextProblem))

/**
 * Splits an error of `defineStream` into the name of the stream and its problems, each of which starts with its field.
 */
export function problemsIn(error: EngineError): { readonly stream: string; readonly problems: readonly string[] } {
  const [stream = '', ...problems] = error.message.split(nextProblem)
  return problems.length === 0 ? { stream: '', problems: [error.message] } : { stream: `${stream} `, problems }
}

const streams = new WeakSet()

/** Whether `defineStream` returned the thing. */
export const isStream = (thing: unknown): thing is Stream =>
  typeof thing === 'object' && thing !== null && streams.has(thing)

const defaults = { partitions: 4, lateness: '1h', retentionBeyondHorizon: '35d' } as const

function plain<C extends object, E, F>(definition: StreamDefinition<C, E, F>): Stream {
  const features = Object.entries(definition.features as Record<string, Described | Expression>).map(
    ([name, written]) => ({ name, feature: featureOf(written) }),
  )
  const latenessMs = durationMs(definition.lateness ?? defaults.lateness)
  return frozen({
    name: definition.name,
    stream: definition.name,
    topic: definition.topic ?? definition.name,
    partitions: definition.partitions ?? defaults.partitions,
    schema: definition.schema.record,
    olderSchemas: definition.schema.older,
    id: definition.id,
    time: definition.time,
    tenant: definition.tenant,
    key: definition.key ?? definition.tenant,
    entities: Object.fromEntries(
      Object.entries(definition.entities as Record<string, EntityOf<AnyEvent>>).map(([name, entity]) => [
        name,
        entityOf(entity),
      ]),
    ),
    features,
    latenessMs,
    ...(definition.latenessBy === undefined ? {} : { latenessBy: definition.latenessBy }),
    ...(definition.clock === undefined ? {} : { clock: definition.clock }),
    retentionMs:
      definition.retention === undefined
        ? longestHorizonMs(features) + latenessMs + durationMs(defaults.retentionBeyondHorizon)
        : durationMs(definition.retention),
    model: definition.model,
    heuristic: definition.heuristic,
    typical: (definition.typical ?? {}) as Readonly<Record<string, number>>,
    risk: definition.risk,
    reasonsFrom: definition.reasonsFrom ?? 'high',
    outcome: {
      matureAfterMs: durationMs(definition.outcome.matureAfter),
      silenceMeans: definition.outcome.silenceMeans,
    },
  })
}

const featureOf = (written: Described | Expression): Feature =>
  isExpression(written) ? { kind: 'value', value: written.value, otherwise: written.otherwise } : written.feature

function entityOf(entity: EntityOf<AnyEvent>): Entity {
  if (typeof entity === 'string') return { columns: [entity], scope: 'tenant' }
  if ('columns' in entity) return { columns: columnsOf(entity.columns), scope: entity.scope }
  return { columns: columnsOf(entity), scope: 'tenant' }
}

const columnsOf = (columns: string | readonly string[]): readonly string[] =>
  typeof columns === 'string' ? [columns] : columns

/** Freezes a thing and everything in it. */
function frozen<T>(thing: T): T {
  if (typeof thing !== 'object' || thing === null || Object.isFrozen(thing)) return thing
  for (const part of Object.values(thing)) frozen(part)
  return Object.freeze(thing)
}
