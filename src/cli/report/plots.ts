import type { BacktestFigures, ScorerFigures } from '../../learning/figures/backtest-figures.js'
import type { Point } from '../../learning/figures/ranking.js'
import { chartOf, roundTicks, unitTicks, type Axis, type Series } from './chart.js'
import { fraction, percent, whole } from './markup.js'

/** Names of the two scorers in a report. */
export interface Names {
  readonly run: string
  readonly other: string
}

const unit = (title: string): Axis => ({ title, from: 0, to: 1, ticks: unitTicks, label: (value) => value.toFixed(1) })

const both = (
  figures: BacktestFigures,
  names: Names,
  as: Series['as'],
  of: (scorer: ScorerFigures) => readonly Point[],
  note: (scorer: ScorerFigures) => string,
): readonly Series[] =>
  (['run', 'other'] as const).map((one) => ({
    of: one,
    as,
    name: `${names[one]}${note(figures[one])}`,
    points: of(figures[one]),
  }))

const area = (value: number | null): string => (value === null ? '' : `: ${value.toFixed(3)}`)

/** The plots of a report, each a figure. Without labels, only those that need none. */
export function plotsOf(figures: BacktestFigures, names: Names): readonly string[] {
  const labelled = figures.run.labelled > 0
  return [
    ...(labelled ? [roc(figures, names), precision(figures, names), calibration(figures, names)] : []),
    distribution(figures, names),
    ...(labelled ? [costs(figures, names)] : []),
  ]
}

const roc = (figures: BacktestFigures, names: Names): string =>
  chartOf({
    title: 'ROC',
    description:
      `Area under the curve: ${names.run} ${fraction(figures.run.rocAuc)}, ${names.other} ` +
      `${fraction(figures.other.rocAuc)}.`,
    x: unit('false-alarm rate'),
    y: unit('hit rate'),
    guide: [
      [0, 0],
      [1, 1],
    ],
    series: both(
      figures,
      names,
      'line',
      ({ roc: points }) => points,
      ({ rocAuc }) => area(rocAuc),
    ),
  })

const precision = (figures: BacktestFigures, names: Names): string => {
  const base = figures.run.positives / figures.run.labelled
  return chartOf({
    title: 'Precision and recall',
    description:
      `Average precision: ${names.run} ${fraction(figures.run.prAuc)}, ${names.other} ` +
      `${fraction(figures.other.prAuc)}; chance is ${fraction(base)}.`,
    x: unit('recall'),
    y: unit('precision'),
    guide: [
      [0, base],
      [1, base],
    ],
    series: both(
      figures,
      names,
      'line',
      ({ pr }) => pr,
      ({ prAuc }) => area(prAuc),
    ),
  })
}

const calibration = (figures: BacktestFigures, names: Names): string =>
  chartOf({
    title: 'Calibration',
    description:
      `Mean score of each bin against its share of positives. Expected error: ${names.run} ` +
      `${fraction(figures.run.calibration?.error)}, ${names.other} ` +
      `${fraction(figures.other.calibration?.error)}.`,
    x: unit('mean score'),
    y: unit('share of positives'),
    guide: [
      [0, 0],
      [1, 1],
    ],
    series: both(
      figures,
      names,
      'dots',
      ({ calibration: found }) =>
        found?.bins.map(({ meanScore, positiveShare }) => [meanScore, positiveShare] as const) ?? [],
      ({ calibration: found }) => area(found?.error ?? null),
    ),
  })

/** Shares on a root scale, because most scores are low and the few high ones matter. */
function distribution(figures: BacktestFigures, names: Names): string {
  const bars = ({ histogram, rows }: ScorerFigures): readonly Point[] =>
    histogram.map((count, i) => [(i + 0.5) / histogram.length, rows === 0 ? 0 : Math.sqrt(count / rows)] as const)
  const most = Math.max(...bars(figures.run).map(([, y]) => y), ...bars(figures.other).map(([, y]) => y), 0.1)
  const ticks = [0, 0.01, 0.05, 0.2, 0.5, 1].map(Math.sqrt).filter((tick) => tick <= most * 1.05)
  return chartOf({
    title: 'Scores',
    description:
      `Distribution of the scores. Kolmogorov-Smirnov distance ${fraction(figures.ks)}, stability index ` +
      `${fraction(figures.psi)}.`,
    x: unit('score'),
    y: {
      title: 'share of events (root scale)',
      from: 0,
      to: most * 1.05,
      ticks,
      label: (value) => percent(Math.round(value ** 2 * 1e4) / 1e4, 1).replace('.0', ''),
    },
    series: both(figures, names, 'bars', bars, () => ''),
  })
}

function costs(figures: BacktestFigures, names: Names): string {
  const most = Math.max(...figures.run.costs.map(({ cost }) => cost), ...figures.other.costs.map(({ cost }) => cost), 1)
  const ticks = roundTicks(most)
  const marks = (['run', 'other'] as const).flatMap((of) => {
    const { cheapest } = figures[of]
    return cheapest === null
      ? []
      : [{ of, at: cheapest.threshold, name: `${cheapest.threshold.toFixed(2)}: ${whole(cheapest.cost)}` }]
  })
  return chartOf({
    title: `Cost at thresholds (false alarm ${figures.costRule.falseAlarm}, miss ${figures.costRule.miss})`,
    description: marks.map(({ of, name }) => `${names[of]} is cheapest at ${name}`).join('; '),
    x: unit('threshold'),
    y: {
      title: 'cost',
      from: 0,
      to: ticks.at(-1)!,
      ticks,
      label: (value) => (value >= 10_000 ? `${value / 1_000} k` : whole(value)),
    },
    marks,
    series: both(
      figures,
      names,
      'line',
      (scorer) => scorer.costs.map(({ threshold, cost }) => [threshold, cost] as const),
      () => '',
    ),
  })
}
