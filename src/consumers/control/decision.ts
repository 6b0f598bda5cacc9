import { Type, type Static, type TObject } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { messageOf } from '../../base/errors.js'
import type { LogRecord, NewRecord, Offset } from '../../log/event-log.js'
import type { Kind } from './kinds/kind.js'
import { kinds } from './kinds/index.js'

/** The fields of every decision beside those of its kind. */
const envelope = {
  /** Unique. A retry that appends a record twice uses the same id, so that the decision counts once. */
  id: Type.String(),
  /** Id of a key, a person's name, or `engine`. */
  by: Type.String(),
  why: Type.String(),
  /** Epoch ms. */
  atMs: Type.Number(),
  /** Id of the decision that it replaces; null for the first one about its subject. */
  replaces: Type.Union([Type.String(), Type.Null()]),
}

type AnyKind = (typeof kinds)[number]
type DecisionOf<K> =
  K extends Kind<infer Name, infer Fields>
    ? { readonly kind: Name } & Readonly<Static<TObject<typeof envelope>>> & Readonly<Static<TObject<Fields>>>
    : never

/** A decision of the control topic: what, who, when, why, and what it replaces. */
export type Decision = DecisionOf<AnyKind>
export type DecisionKind = Decision['kind']
export type Decided<Name extends DecisionKind> = Extract<Decision, { readonly kind: Name }>

type Without<T, Names extends PropertyKey> = T extends unknown ? Omit<T, Names> : never
/** A decision as its author makes it: the follower of the topic adds the rest. */
export type NewDecision = Without<Decision, 'id' | 'atMs' | 'replaces'>

/** A record of the control topic that this build cannot read: a newer build wrote it, or it is damaged. */
export interface UnknownDecision {
  readonly offset: Offset
  /** The kind that it names; undefined where it names none. */
  readonly kind: string | undefined
  /** The model family that it names. This build does not know which model serves that family. */
  readonly family: string | undefined
  /** Why it cannot be read. */
  readonly problem: string
}

export type ReadDecision =
  | { readonly is: 'decision'; readonly decision: Decision; readonly key: string }
  | { readonly is: 'unknown'; readonly unknown: UnknownDecision }

/** The format of records with an envelope. Older records have no `v`. */
const format = 1

const readers = new Map<string, { readonly kind: AnyKind; readonly check: (value: unknown) => boolean }>(
  kinds.map((kind: AnyKind) => {
    const schema = Type.Object({ kind: Type.Literal(kind.kind), ...envelope, ...kind.fields })
    return [kind.kind, { kind, check: (value: unknown) => Value.Check(schema, value) }]
  }),
)

const keyOf = (kind: AnyKind, decision: unknown): string => kind.keyOf(decision as never)

/** Reads a record of the control topic, of this format or an older one. Never throws. */
export function readDecision({ offset, value }: Pick<LogRecord, 'offset' | 'value'>): ReadDecision {
  let record: Readonly<Record<string, unknown>>
  try {
    const parsed: unknown = JSON.parse(value?.toString() ?? 'null')
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return unknown(offset, {}, 'no object')
    record = parsed as Readonly<Record<string, unknown>>
  } catch (error) {
    return unknown(offset, {}, messageOf(error))
  }
  const reader = readers.get(String(record['kind']))
  if (reader === undefined) return unknown(offset, record, 'this build does not know its kind')
  const decision = record['v'] === undefined ? fromOld(reader.kind, record, offset) : record
  if (!reader.check(decision)) return unknown(offset, record, 'its fields are not those of its kind')
  return { is: 'decision', decision: decision as unknown as Decision, key: keyOf(reader.kind, decision) }
}

/** Records from before the envelope get their place as id. Those that the engine wrote had no author and no reason. */
function fromOld(kind: AnyKind, record: Readonly<Record<string, unknown>>, offset: Offset) {
  const fields: Readonly<Record<string, unknown>> = kind.fromOld?.(record) ?? record
  return { by: 'engine', why: '', ...fields, id: `control/${offset}`, replaces: null }
}

function unknown(offset: Offset, record: Readonly<Record<string, unknown>>, problem: string): ReadDecision {
  const text = (name: string): string | undefined => (typeof record[name] === 'string' ? record[name] : undefined)
  return { is: 'unknown', unknown: { offset, kind: text('kind'), family: text('family'), problem } }
}

/** The subject of a decision. A decision replaces the last one about the same subject. */
export const subjectOf = (decision: NewDecision): string => keyOf(readers.get(decision.kind)!.kind, decision)

export const recordOf = (decision: Decision): NewRecord => ({
  key: Buffer.from(subjectOf(decision)),
  value: Buffer.from(JSON.stringify({ v: format, ...decision })),
})
