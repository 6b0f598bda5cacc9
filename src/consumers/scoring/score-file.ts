import type { Clock } from '../../base/clock.js'
import type { ScoreFileOptions, ScoreSummary } from '../../contracts/score-file.js'
import { scoredBy } from '../../log/blocks/block.js'
import { riskLevels } from '../../contracts/risks.js'
import { heuristicVersion } from '../../scorers/score.js'
import type { CompiledStream } from '../ground/compiled.js'
import { scoreLines, type LineResult } from './score-lines.js'
import type { ScoringOptions } from './scoring.js'

const firstDeadLetterRecords = 20

/** Scores lines of NDJSON and writes one prediction a line, in the order of the events. */
export async function scoreFileWith(
  stream: CompiledStream,
  options: ScoreFileOptions,
  scoring: Omit<ScoringOptions, 'streams' | 'onChunk'>,
): Promise<ScoreSummary> {
  const { clock } = scoring
  const startedMs = clock.nowMs()
  const summary = emptySummary(stream)
  const numbers: number[] = []
  let events = 0
  for await (const results of scoreLines(numbered(options.lines, numbers), stream, scoring)) {
    const text: string[] = []
    const lines = numbers.splice(0, results.length)
    results.forEach((result, i) => {
      count(summary, result, lines[i]!)
      if (result.kind === 'prediction') text.push(JSON.stringify(predictionOf(stream, result, options.features)))
    })
    events += results.length
    if (text.length > 0) await options.write(text.join('\n') + '\n')
    options.onProgress?.(events)
    if (options.signal?.aborted === true) break
  }
  return finish(summary, events, startedMs, clock)
}

/** Yields the bytes of each line, and adds its number to `numbers`. */
async function* numbered(lines: ScoreFileOptions['lines'], numbers: number[]): AsyncGenerator<Buffer> {
  for await (const { number, bytes } of lines) {
    numbers.push(number)
    yield bytes
  }
}

type Prediction = Extract<LineResult, { readonly block: unknown }>

function predictionOf(
  stream: CompiledStream,
  { block, row }: Prediction,
  features: boolean,
): Readonly<Record<string, unknown>> {
  const how = scoredBy[block.by[row]!]!
  const names = stream.plan.names
  return {
    event_id: block.eventIds[row],
    tenant: block.tenants[row],
    score: block.scores[row],
    risk: riskLevels[block.risks[row]!],
    version: block.versions[block.versionOf[row]!],
    ...(how === 'model' ? {} : { why: how.slice('heuristic:'.length) }),
    reasons: block.reasons[row] === '' ? [] : block.reasons[row]!.split(','),
    late: (block.flags[row]! & 1) === 1,
    ...(features
      ? {
          features: Object.fromEntries(
            names.map((name, i) => [name, numberOrNull(block.vectors[row * block.width + i]!)]),
          ),
        }
      : {}),
  }
}

/** JSON has no NaN; a missing value is null. */
const numberOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Counting = Mutable<Omit<ScoreSummary, 'risks' | 'deadLetterReasons' | 'firstDeadLetters'>> & {
  readonly risks: Mutable<ScoreSummary['risks']>
  readonly deadLetterReasons: Record<string, number>
  readonly firstDeadLetters: ScoreSummary['firstDeadLetters'][number][]
}

const emptySummary = (stream: CompiledStream): Counting => ({
  stream: stream.stream.name,
  version: heuristicVersion,
  events: 0,
  predictions: 0,
  duplicates: 0,
  deadLetters: 0,
  deadLetterReasons: {},
  firstDeadLetters: [],
  late: 0,
  risks: { low: 0, medium: 0, high: 0 },
  scoreSum: 0,
  elapsedMs: 0,
  eventsPerSecond: 0,
})

function count(summary: Counting, result: LineResult, line: number): void {
  if (result.kind === 'dead-letter') {
    const { code, reason } = result.deadLetter
    summary.deadLetters++
    summary.deadLetterReasons[code] = (summary.deadLetterReasons[code] ?? 0) + 1
    if (summary.firstDeadLetters.length < firstDeadLetterRecords)
      summary.firstDeadLetters.push({ line, code, message: reason })
  } else if (result.kind === 'duplicate') summary.duplicates++
  else {
    const { block, row } = result
    summary.predictions++
    summary.scoreSum += block.scores[row]!
    summary.risks[riskLevels[block.risks[row]!]!]++
    summary.late += block.flags[row]! & 1
    summary.version = block.versions[block.versionOf[row]!]!
  }
}

function finish(summary: Counting, events: number, startedMs: number, clock: Clock): ScoreSummary {
  const elapsedMs = clock.nowMs() - startedMs
  return { ...summary, events, elapsedMs, eventsPerSecond: events / Math.max(elapsedMs / 1_000, 1e-3) }
}
