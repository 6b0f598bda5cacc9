import { EngineError } from '../../base/errors.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import { readTail, type GateRules } from '../../log/blocks/gate.js'
import { emptyRouting, withChampion, type Champion, type Routing } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { ModelName } from '../../scorers/model-store.js'
import { readBlocks } from '../ground/block-rows.js'
import type { Stretch } from '../control/stretches.js'
import type { Span } from './replay-span.js'
import { gateRulesNow } from '../control/accepted.js'
import { routesAt } from '../control/routes.js'

/** The models that score the offsets of a replay. */
export interface ReplayRouting {
  /** The routing of an offset, and the last offset up to which it holds. */
  at(partition: number, offset: Offset): { readonly routing: Routing; readonly upTo: Offset }
}

/** One routing for every offset. */
export const fixedRouting = (routing: Routing): ReplayRouting => ({ at: () => ({ routing, upTo: Infinity }) })

export type LoadModel = (name: ModelName) => Promise<Champion>

/**
 * The routing of a stream at each of the positions (next offsets) of the control topic, by position. Loads each model
 * once. Errors of `load`: UNKNOWN_MODEL, MODEL_MISMATCH; UNKNOWN_DECISION.
 */
export async function routingsAt(
  view: LogView,
  { stream: { model: family } }: CompiledStream,
  positions: ReadonlySet<number>,
  load: LoadModel,
): Promise<ReadonlyMap<number, Routing>> {
  if (family === undefined) return new Map([...positions].map((position) => [position, { ...emptyRouting, position }]))
  const loaded = new Map<string, Promise<Champion>>()
  const routings = new Map<number, Routing>()
  for (const [position, { families }] of await routesAt(view, family, positions)) {
    let routing: Routing = { ...emptyRouting, position }
    for (const decision of families.get(family)?.values() ?? [])
      if (decision.kind === 'activate')
        routing = withChampion(routing, family, decision.scope, await servingOf(decision))
    routings.set(position, routing)
  }
  return routings

  function servingOf(name: ModelName): Promise<Champion> {
    const key = `${name.scope}/${name.version}`
    const found = loaded.get(key) ?? load(name)
    loaded.set(key, found)
    return found
  }
}

/**
 * The parts of the spans whose predictions are in the log. The newest events may not be scored yet, and retention may
 * have removed the oldest blocks.
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

/**
 * The models that served each offset, by the control positions in the blocks. `at` throws GAP for an offset that no
 * block covers: it was not served yet.
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
