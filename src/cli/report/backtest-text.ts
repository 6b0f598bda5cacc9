import type { BacktestReport, BacktestRun } from '../../consumers/replay/backtest/directory.js'
import type { ScorerFigures } from '../../learning/figures/backtest-figures.js'
import { fallbackOf, summaryOf } from './backtest-report.js'
import { count, duration, table } from '../terminal/terminal.js'

const timeOf = (ms: number | null): string => (ms === null ? '-' : new Date(ms).toISOString().slice(0, 19))

export const listText = (runs: readonly BacktestRun[]): string =>
  table<BacktestRun>(
    [
      { title: 'run', cell: ({ id }) => id },
      { title: 'stream', cell: ({ stream }) => stream },
      { title: 'model', cell: ({ model }) => model },
      { title: 'from', cell: ({ fromMs }) => (fromMs === null ? 'beginning' : timeOf(fromMs)) },
      { title: 'to', cell: ({ toMs, startedMs }) => timeOf(toMs ?? startedMs) },
      { title: 'records', cell: ({ records }) => count(records), right: true },
      { title: 'took', cell: ({ replayMs }) => duration(replayMs), right: true },
      { title: 'status', cell: ({ status, error }) => (error === null ? status : `${status}: ${error.slice(0, 80)}`) },
    ],
    runs,
  )

const number = (value: number | null | undefined): string =>
  value === null || value === undefined ? '-' : value.toFixed(4)

const figures: readonly (readonly [string, (scorer: ScorerFigures) => string])[] = [
  ['events', ({ rows }) => count(rows)],
  ['with outcome', ({ labelled }) => count(labelled)],
  ['positive', ({ positives }) => count(positives)],
  ['ROC-AUC', ({ rocAuc }) => number(rocAuc)],
  ['avg precision', ({ prAuc }) => number(prAuc)],
  ['Brier', ({ calibration }) => number(calibration?.brier)],
  ['log loss', ({ calibration }) => number(calibration?.logLoss)],
  ['mean score', ({ meanScore }) => number(meanScore)],
  ['high', ({ high }) => count(high)],
  ['medium', ({ medium }) => count(medium)],
  [
    'cheapest at',
    ({ cheapest }) => (cheapest === null ? '-' : `${cheapest.threshold.toFixed(2)} (${count(cheapest.cost)})`),
  ],
]

const warned = (report: BacktestReport): string => {
  const fallback = fallbackOf(report)
  return fallback === undefined ? '' : `WARNING: ${fallback}.\n\n`
}

/** Compares two scorers side by side. */
export const comparisonText = (report: BacktestReport): string => warned(report) + figuresText(report)

function figuresText(report: BacktestReport): string {
  const {
    run,
    figures: { run: mine, other },
    comparedWith,
  } = report
  const rows = figures.map(([name, of]) => ({ name, mine: of(mine), other: of(other) }))
  const text = table<(typeof rows)[number]>(
    [
      { title: '', cell: ({ name }) => name },
      { title: run.id, cell: (row) => row.mine, right: true },
      { title: comparedWith, cell: (row) => row.other, right: true },
    ],
    rows,
  )
  return `${text}${summaryOf(report, { run: run.id, other: comparedWith })}`
}

/** The report of a run, with its speed. */
export function reportText(report: BacktestReport): string {
  const { run } = report
  const speed =
    run.replayMs === 0 ? '' : ` in ${duration(run.replayMs)}, ${count(run.records / (run.replayMs / 1_000))}/s`
  return (
    warned(report) +
    `${run.stream}: ${count(run.records)} records${speed}; ${count(report.duplicates)} duplicates, ` +
    `${count(report.late)} late\n\n${figuresText(report)}`
  )
}
