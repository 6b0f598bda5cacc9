import { EngineError } from '../../base/errors.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import { readTail, type GateRules } from '../../log/blocks/gate.js'
import { readUpTo } from '../../log/read-up-to.js'
import { emptyRouting, withChampion, type Routing, type Serving } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'
import { readDecision, type Decision } from '../control/control.js'
import type { ModelName } from '../../scorers/model-store.js'
import { readBlocks } from '../ground/block-rows.js'
import type { Span } from './replay-span.js'
import { gateRulesNow } from '../control/stops.js'
import { controlTopic } from '../ground/topic-names.js'

/** Who scores each offset of a replay. */
export interface ReplayRouting {
  /** The routing of an offset, and the last offset up to which it holds. */
  at(partition: number, offset: Offset): { readonly routing: Routing; readonly upTo: Offset }
}

/** The same for every offset. */
export const fixedRouting = (routing: Routing): ReplayRouting => ({ at: () => ({ routing, upTo: Infinity }) })

export type LoadModel = (name: ModelName) => Promise<Serving>

/**
 * The routing of a stream as the control topic stands at each of the positions (next offsets), by position. Models are
 * loaded once each. Errors of `load`: UNKNOWN_MODEL, MODEL_MISMATCH.
 */
export async function routingsAt(
  view: LogView,
  { stream }: CompiledStream,
  positions: ReadonlySet<number>,
  load: LoadModel,
): Promise<ReadonlyMap<number, Routing>> {
  const family = stream.model
  const decisions =
    family === undefined ? [] : (await readDecisions(view)).filter(({ decision }) => decision.family === family)
  const loaded = new Map<string, Promise<Serving>>()
  const routings = new Map<number, Routing>()
  for (const position of positions) {
    let routing: Routing = { ...emptyRouting, position }
    for (const decision of standing(decisions, position)) {
      const serving = decision.kind === 'activate' ? await servingOf(decision) : undefined
      routing = withChampion(routing, decision.family, decision.scope, serving)
    }
    routings.set(position, routing)
  }
  return routings

  function servingOf(name: ModelName): Promise<Serving> {
    const key = `${name.scope}/${name.version}`
    const found = loaded.get(key) ?? load(name)
    loaded.set(key, found)
    return found
  }
}

interface Decided {
  readonly offset: Offset
  readonly decision: Decision
}

/** The last decision on each scope before a position. */
const standing = (decisions: readonly Decided[], position: number): Iterable<Decision> =>
  new Map(
    decisions.filter(({ offset }) => offset < position).map(({ decision }) => [decision.scope, decision]),
  ).values()

async function readDecisions(view: LogView): Promise<readonly Decided[]> {
  const { first, next } = await view.bounds(controlTopic)
  const reader = view.reader(controlTopic)
  const { signal } = new AbortController()
  const decided: Decided[] = []
  try {
    for await (const records of readUpTo(reader, first, next, { records: 1_000, bytes: 1024 * 1024 }, signal)) {
      for (const record of records) {
        const decision = readDecision(record)
        if (decision !== undefined) decided.push({ offset: record.offset, decision })
      }
    }
    return decided
  } finally {
    await reader.close()
  }
}

/**
 * The parts of the spans that have a prediction in the log: the newest events may not be scored yet, the oldest blocks
 * be gone.
 */
export async function servedSpans(
  view: LogView,
  stream: CompiledStream,
  spans: readonly Span[],
): Promise<readonly Span[]> {
  const rulesOf = await gateRulesNow(view)
  const found = await Promise.all(
    spans.map(async (span): Promise<Span> => {
      const at = { topic: stream.topics.predictions, partition: span.partition }
      const { covered } = await readTail(view, at)
      const to = Math.min(span.to, covered + 1)
      for await (const { block } of readBlocks(
        view,
        at,
        { from: span.from, to },
        rulesOf({ topic: stream.topics.events, partition: span.partition }),
      )) {
        const from = Math.max(span.from, block.after + 1)
        return { ...span, from, to }
      }
      return { ...span, to: span.from }
    }),
  )
  return found.filter(({ from, to }) => from < to)
}

/** A stretch of offsets whose blocks name one control position. */
interface Stretch {
  readonly control: number
  upTo: Offset
}

/**
 * Who served each offset, by the control positions that the blocks recorded. Offsets that no block covers are refused
 * when they are asked for: they were not served yet.
 */
export async function servedRouting(
  view: LogView,
  stream: CompiledStream,
  spans: readonly Span[],
  load: LoadModel,
): Promise<ReplayRouting> {
  const rulesOf = await gateRulesNow(view)
  const stretches = new Map<number, Stretch[]>()
  for (const span of spans) {
    const { partition } = span
    stretches.set(
      partition,
      await stretchesOf(
        view,
        { topic: stream.topics.predictions, partition },
        span,
        rulesOf({ topic: stream.topics.events, partition }),
      ),
    )
  }
  const positions = new Set([...stretches.values()].flatMap((list) => list.map(({ control }) => control)))
  const routings = await routingsAt(view, stream, positions, load)
  return {
    at(partition, offset) {
      const stretch = stretches.get(partition)?.find(({ upTo }) => upTo >= offset)
      if (stretch === undefined)
        throw new EngineError(
          'GAP',
          `offset ${offset} of ${stream.topics.events}/${partition} has no prediction in the log yet`,
        )
      return { routing: routings.get(stretch.control)!, upTo: stretch.upTo }
    },
  }
}

async function stretchesOf(
  view: LogView,
  at: TopicPartition,
  { from, to }: Span,
  rules: GateRules,
): Promise<Stretch[]> {
  const stretches: Stretch[] = []
  for await (const { block } of readBlocks(view, at, { from, to }, rules)) {
    const last = stretches.at(-1)
    if (last?.control === block.control) last.upTo = block.last
    else stretches.push({ control: block.control, upTo: block.last })
  }
  return stretches
}
