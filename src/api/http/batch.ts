/** One event or many in a request, and answers in the same shape. */
import type { FastifyReply } from 'fastify'
import { messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { notUtf8, utf8Of, withoutMark } from '../../base/utf8.js'
import { everyTenant, type Caller } from '../../contracts/callers.js'
import { isRejected, type Rejected } from '../../contracts/scoring.js'
import type { StreamView } from '../../contracts/streams.js'
import { Refusal, statusOf, type ProblemCode } from './problems.js'

/** The form of the body: a bare object, a bare list, or an envelope (`{"events": [...]}` and NDJSON lines). */
export type Shape = 'one' | 'list' | 'envelope'

/** The events that passed the checks, and the rejections of the others. */
export interface Batch {
  readonly shape: Shape
  readonly events: readonly unknown[]
  /** Sparse, by position in the body; undefined when every event passed. */
  readonly rejected: readonly (Rejected | undefined)[] | undefined
}

/** A parsed NDJSON body. */
export class Lines {
  /** `broken`: the lines that are not JSON, by index in `items`. */
  constructor(
    readonly items: readonly unknown[],
    readonly broken: ReadonlyMap<number, Rejected>,
  ) {}
}

/** A line that is no JSON, or not UTF-8, is broken; the others are not affected. */
export function parseLines(body: Buffer): Lines {
  const items: unknown[] = []
  const broken = new Map<number, Rejected>()
  const text = utf8Of(withoutMark(body))
  const lines: readonly (string | Buffer)[] = text === undefined ? linesIn(withoutMark(body)) : text.split('\n')
  lines.forEach((line, index) => {
    try {
      const one = typeof line === 'string' ? line : lineOf(line)
      if (one.trim() !== '') items.push(JSON.parse(one))
    } catch (error) {
      broken.set(items.length, { error: { code: 'BAD_JSON', message: `line ${index + 1}: ${messageOf(error)}` } })
      items.push(undefined)
    }
  })
  return new Lines(items, broken)
}

function linesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let from = 0
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, from)) {
    lines.push(bytes.subarray(from, at))
    from = at + 1
  }
  return [...lines, bytes.subarray(from)]
}

function lineOf(bytes: Buffer): string {
  const text = utf8Of(bytes)
  if (text === undefined) throw new Error(notUtf8(bytes))
  return text
}

/** Fills in the columns that a request may omit. */
export type Complete = (event: Record<string, unknown>) => void

/** The tenant that an operator's event belongs to if it names none, and what fills in other columns. */
export interface Filling {
  readonly defaultTenant?: string | undefined
  readonly complete?: Complete
}

/** The events of a body. Each event's tenant is checked against the caller's. */
export function batchOf(body: unknown, stream: StreamView, caller: Caller, filling: Filling = {}): Batch {
  const [shape, items] = itemsOf(body, stream)
  if (items.length === 0) throw new Refusal('BAD_REQUEST', 'The body contains no event.')
  if (items.length > limits.apiBatch)
    throw new Refusal(
      'TOO_LARGE',
      `The body contains ${items.length} events; a request may contain at most ${limits.apiBatch}.`,
    )
  const broken = body instanceof Lines ? body.broken : undefined
  const events: unknown[] = []
  let rejected: (Rejected | undefined)[] | undefined
  items.forEach((item, place) => {
    const why = broken?.get(place) ?? refusalOfItem(item, stream, caller, filling.defaultTenant)
    if (why) {
      rejected ??= new Array<Rejected | undefined>(items.length)
      rejected[place] = why
      return
    }
    filling.complete?.(item as Record<string, unknown>)
    events.push(item)
  })
  return { shape, events, rejected }
}

function itemsOf(body: unknown, stream: StreamView): readonly [Shape, readonly unknown[]] {
  if (body instanceof Lines) return ['envelope', body.items]
  if (Array.isArray(body)) return ['list', body]
  const events = isObject(body) ? body['events'] : undefined
  const isColumn = stream.schema.fields.some((field) => field.name === 'events')
  return Array.isArray(events) && !isColumn ? ['envelope', events] : ['one', [body]]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const notAnObject: Rejected = { error: { code: 'BAD_FIELD', message: 'an event is a JSON object' } }

const poisoned: Rejected = { error: { code: 'BAD_JSON', message: 'an event has no field __proto__' } }

function refusalOfItem(
  item: unknown,
  stream: StreamView,
  caller: Caller,
  defaultTenant: string | undefined,
): Rejected | undefined {
  if (!isObject(item)) return notAnObject
  return Object.hasOwn(item, '__proto__') ? poisoned : refusalOf(item, stream, caller, defaultTenant)
}

/** Why an event is refused. Fills in an absent tenant: that of a tenant's key, or the operator's default. */
function refusalOf(
  event: Record<string, unknown>,
  stream: StreamView,
  caller: Caller,
  defaultTenant: string | undefined,
): Rejected | undefined {
  const { id, tenant } = stream.columns
  if (caller.tenant === everyTenant) {
    if (defaultTenant !== undefined) event[tenant] ??= defaultTenant
    return undefined
  }
  event[tenant] ??= caller.tenant
  if (event[tenant] === caller.tenant) return undefined
  const named = event[id]
  return {
    ...(typeof named === 'string' && { event_id: named }),
    error: { code: 'FORBIDDEN', message: 'the event names another tenant than the key', field: tenant },
  }
}

/** Calls `act` with the events that passed and returns all results in the order of the body. */
export async function resultsOf<Result extends object>(
  batch: Batch,
  act: (events: readonly unknown[]) => Promise<readonly Result[]>,
): Promise<readonly (Result | Rejected)[]> {
  if (!batch.rejected) return act(batch.events)
  const done = batch.events.length > 0 ? await act(batch.events) : []
  let next = 0
  return Array.from(batch.rejected, (rejected) => rejected ?? done[next++]!)
}

/** Answers in the form of the request: 200, 207 when some events were rejected, a problem when all were. */
export function answer(
  reply: FastifyReply,
  shape: Shape,
  results: readonly object[],
  wrap: (results: readonly object[], rejected: number) => object,
): FastifyReply {
  const rejected = results.filter(isRejected)
  if (rejected.length === 0) return reply.send(shape === 'one' ? results[0] : wrap(results, 0))
  if (shape === 'one') throw refusalOfOne(rejected[0]!)
  if (rejected.length === results.length) throw refusalOfAll(rejected)
  return reply.code(207).send(wrap(results, rejected.length))
}

/** The problem for a request with a single event. */
export function refusalOfOne({ error }: Rejected): Refusal {
  return new Refusal(
    error.code,
    error.message,
    error.field === undefined ? {} : { errors: [{ field: error.field, message: error.message }] },
  )
}

/** The problem for a batch without a good event: the events' common code, or BAD_BATCH when codes differ. */
function refusalOfAll(results: readonly Rejected[]): Refusal {
  const codes = new Set<ProblemCode>(results.map((result) => result.error.code))
  const code = codes.size === 1 ? [...codes][0]! : 'BAD_BATCH'
  return new Refusal(
    code,
    `The engine took none of the ${results.length} events; \`results\` contains the reasons, in order.`,
    { status: statusOf(code), results },
  )
}
