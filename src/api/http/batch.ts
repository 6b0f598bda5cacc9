/** One event or many in a request, and answers in the same shape. */
import type { FastifyReply } from 'fastify'
import { messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { everyTenant, type Caller } from '../../contracts/callers.js'
import { isRejected, type Rejected } from '../../contracts/scoring.js'
import type { StreamView } from '../../contracts/streams.js'
import { Refusal, statusOf, type ProblemCode } from './problems.js'

/** How the events stood in the body: a bare object, a bare list, or `{"events": [...]}` and NDJSON lines. */
export type Shape = 'one' | 'list' | 'envelope'

/** Events that may go on, and in the places of the others their rejections. */
export interface Batch {
  readonly shape: Shape
  readonly events: readonly unknown[]
  /** Sparse, by place in the body; undefined where every event may go on. */
  readonly rejected: readonly (Rejected | undefined)[] | undefined
}

/** A parsed NDJSON body. */
export class Lines {
  /** `broken`: by place among `items`, the lines that are not JSON. */
  constructor(
    readonly items: readonly unknown[],
    readonly broken: ReadonlyMap<number, Rejected>,
  ) {}
}

export function parseLines(text: string): Lines {
  const items: unknown[] = []
  const broken = new Map<number, Rejected>()
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return
    try {
      items.push(JSON.parse(line))
    } catch (error) {
      broken.set(items.length, { error: { code: 'BAD_JSON', message: `line ${index + 1}: ${messageOf(error)}` } })
      items.push(undefined)
    }
  })
  return new Lines(items, broken)
}

/** Puts into an event what the request may leave out. */
export type Complete = (event: Record<string, unknown>) => void

/** The events of a body, each checked for its tenant. */
export function batchOf(body: unknown, stream: StreamView, caller: Caller, complete?: Complete): Batch {
  const [shape, items] = itemsOf(body, stream)
  if (items.length === 0) throw new Refusal('BAD_REQUEST', 'The body holds no event.')
  if (items.length > limits.apiBatch)
    throw new Refusal(
      'TOO_LARGE',
      `The body holds ${items.length} events; at most ${limits.apiBatch} go into one request.`,
    )
  const broken = body instanceof Lines ? body.broken : undefined
  const events: unknown[] = []
  let rejected: (Rejected | undefined)[] | undefined
  items.forEach((item, place) => {
    const why = broken?.get(place) ?? (isObject(item) ? refusalOf(item, stream, caller) : notAnObject)
    if (why) {
      rejected ??= new Array<Rejected | undefined>(items.length)
      rejected[place] = why
      return
    }
    complete?.(item as Record<string, unknown>)
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

/** Why an event may not go on; fills in the tenant of a tenant's key. The operator's events pass as they are. */
function refusalOf(event: Record<string, unknown>, stream: StreamView, caller: Caller): Rejected | undefined {
  if (caller.tenant === everyTenant) return undefined
  const { id, tenant } = stream.columns
  event[tenant] ??= caller.tenant
  if (event[tenant] === caller.tenant) return undefined
  const named = event[id]
  return {
    ...(typeof named === 'string' && { event_id: named }),
    error: { code: 'FORBIDDEN', message: 'the event names another tenant than the key', field: tenant },
  }
}

/** Acts on the events that may go on and puts all results in the order of the body. */
export async function resultsOf<Result extends object>(
  batch: Batch,
  act: (events: readonly unknown[]) => Promise<readonly Result[]>,
): Promise<readonly (Result | Rejected)[]> {
  if (!batch.rejected) return act(batch.events)
  const done = batch.events.length > 0 ? await act(batch.events) : []
  let next = 0
  return Array.from(batch.rejected, (rejected) => rejected ?? done[next++]!)
}

/** Answers in the shape of the request: 200, 207 where some events were rejected, a problem where all were. */
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

/** The problem of a request that was about one event alone. */
export function refusalOfOne({ error }: Rejected): Refusal {
  return new Refusal(
    error.code,
    error.message,
    error.field === undefined ? {} : { errors: [{ field: error.field, message: error.message }] },
  )
}

/** One reason for all of them is the reason of the whole. */
function refusalOfAll(results: readonly Rejected[]): Refusal {
  const codes = new Set<ProblemCode>(results.map((result) => result.error.code))
  const code = codes.size === 1 ? [...codes][0]! : 'BAD_BATCH'
  return new Refusal(
    code,
    `None of the ${results.length} events could be taken; \`results\` says why, in their order.`,
    { status: statusOf(code), results },
  )
}
