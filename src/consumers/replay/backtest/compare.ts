import { backtestFigures, type BacktestFigures } from '../../../learning/figures/backtest-figures.js'
import type { CostRule } from '../../../learning/figures/costs.js'
import { collectRows } from '../../../learning/figures/scored-rows.js'
import { riskLevels, type RiskLevel } from '../../../contracts/risks.js'
import type { LogView } from '../../../log/event-log.js'
import type { GateRules } from '../../../log/blocks/gate.js'
import { alignRows, readBlocks, type RowRef, type Rows } from '../../ground/block-rows.js'
import type { OutcomeLabels } from './outcome-labels.js'
import { by } from '../../../scorers/score.js'
import type { Span } from '../replay-span.js'

/** One scorer's result for an event. */
export interface Verdict {
  readonly score: number
  readonly risk: RiskLevel
  readonly version: string
  readonly reasons: readonly string[]
}

/** An event on which two scorers differ. */
export interface Disagreement {
  readonly tenant: string
  readonly event_id: string
  readonly entity: string
  readonly eventTimeMs: number
  readonly label: 0 | 1 | null
  readonly run: Verdict
  readonly other: Verdict
}

export interface Comparison {
  readonly figures: BacktestFigures
  /** Rows by the version that scored them. */
  readonly versions: Readonly<Record<string, number>>
  readonly otherVersions: Readonly<Record<string, number>>
  /** Events of the run that the heuristic scored because the model failed on them. */
  readonly fellBack: number
  /** Duplicate notices and late events of the run. */
  readonly duplicates: number
  readonly late: number
  /** The events whose scores differ most, largest difference first. */
  readonly disagreements: readonly Disagreement[]
}

/** Where the blocks of one side are. */
export interface Side {
  readonly view: LogView
  readonly topic: string
  /** By partition: the offsets whose loss operators have accepted. */
  readonly rulesOf?: (partition: number) => GateRules
}

const listed = 100

/**
 * Compares the results of two sides at the same offsets with each other and with the outcomes. A side without a row at
 * an offset has no score there.
 */
export async function compareSides(
  run: Side,
  other: Side,
  spans: readonly Span[],
  labels: OutcomeLabels,
  costs?: CostRule,
): Promise<Comparison> {
  const collected = collectRows(spans.reduce((sum, { from, to }) => sum + to - from, 0))
  const differing = furthest(listed)
  const versions: Record<string, number> = {}
  const otherVersions: Record<string, number> = {}
  let [duplicates, late, fellBack] = [0, 0, 0]

  function visit(left: RowRef | undefined, right: RowRef | undefined): void {
    if (left !== undefined && left.block.kinds[left.row] !== 0) duplicates++
    if (left !== undefined && (left.block.flags[left.row]! & 1) === 1) late++
    const [mine, theirs] = [scored(left), scored(right)]
    const either = mine ?? theirs
    if (either === undefined) return
    const { block, row } = either
    const tenant = block.tenants[row]!
    const [score, otherScore] = [scoreOf(mine), scoreOf(theirs)]
    const label = labels.labelOf(tenant, block.eventIds[row]!, block.eventTimes[row]!)
    if (mine !== undefined) count(versions, mine)
    if (mine !== undefined && mine.block.by[mine.row] === by.modelError) fellBack++
    if (theirs !== undefined) count(otherVersions, theirs)
    collected.add({ tenant, score, other: otherScore, label, risk: riskOf(mine), otherRisk: riskOf(theirs) })
    if (mine !== undefined && theirs !== undefined && score !== otherScore)
      differing.offer(Math.abs(score - otherScore), () => disagreement(mine, theirs, label))
  }

  for (const { partition, from, to } of spans)
    await alignRows(blocksOf(run, partition, { from, to }), blocksOf(other, partition, { from, to }), visit)
  return {
    figures: backtestFigures(collected.rows(), costs),
    versions,
    otherVersions,
    fellBack,
    duplicates,
    late,
    disagreements: differing.list(),
  }
}

const blocksOf = (
  { view, topic, rulesOf }: Side,
  partition: number,
  range: Pick<Span, 'from' | 'to'>,
): AsyncIterable<Rows> => readBlocks(view, { topic, partition }, range, rulesOf?.(partition))

/** Older versions stored NaN where a model answered NaN: such an event has no score. */
const scored = (ref: RowRef | undefined): RowRef | undefined =>
  ref === undefined || ref.block.kinds[ref.row] !== 0 || Number.isNaN(ref.block.scores[ref.row]) ? undefined : ref
const scoreOf = (ref: RowRef | undefined): number => (ref === undefined ? NaN : ref.block.scores[ref.row]!)
const riskOf = (ref: RowRef | undefined): number => (ref === undefined ? 255 : ref.block.risks[ref.row]!)
const versionOf = ({ block, row }: RowRef): string => block.versions[block.versionOf[row]!]!

function count(versions: Record<string, number>, ref: RowRef): void {
  const version = versionOf(ref)
  versions[version] = (versions[version] ?? 0) + 1
}

const verdict = (ref: RowRef): Verdict => ({
  score: ref.block.scores[ref.row]!,
  risk: riskLevels[ref.block.risks[ref.row]!]!,
  version: versionOf(ref),
  reasons: ref.block.reasons[ref.row] === '' ? [] : ref.block.reasons[ref.row]!.split(','),
})

const disagreement = (mine: RowRef, theirs: RowRef, label: number): Disagreement => ({
  tenant: mine.block.tenants[mine.row]!,
  event_id: mine.block.eventIds[mine.row]!,
  entity: mine.block.entities[mine.row]!,
  eventTimeMs: mine.block.eventTimes[mine.row]!,
  label: label === -1 ? null : (label as 0 | 1),
  run: verdict(mine),
  other: verdict(theirs),
})

/** Keeps the `most` disagreements with the largest distance. `make` is called only for those that may be kept. */
function furthest(most: number) {
  let kept: { readonly distance: number; readonly what: Disagreement }[] = []
  let least = 0
  const shrink = (): void => {
    kept = kept.sort((a, b) => b.distance - a.distance).slice(0, most)
    if (kept.length === most) least = kept.at(-1)!.distance
  }
  return {
    offer(distance: number, make: () => Disagreement): void {
      if (distance <= least) return
      kept.push({ distance, what: make() })
      if (kept.length >= 2 * most) shrink()
    },
    list(): readonly Disagreement[] {
      shrink()
      return kept.map(({ what }) => what)
    },
  }
}
