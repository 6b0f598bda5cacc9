import type { Disagreement } from '../../consumers/replay/backtest/compare.js'
import type { BacktestReport } from '../../consumers/replay/backtest/directory.js'
import type { ScorerFigures } from '../../learning/figures/backtest-figures.js'
import { keySeparator } from '../../base/keys.js'
import { escaped, figure, fraction, moment, percent, tableOf, whole, words, type Cell } from './markup.js'
import { plotsOf, type Names } from './plots.js'
import { style } from './style.js'

const shownTenants = 50

/** A report as one self-contained HTML page: no script, no network. */
export function backtestPage(report: BacktestReport): string {
  const { run, figures, comparedWith } = report
  const names: Names = { run: 'this run', other: comparedWith === 'served' ? 'served' : comparedWith }
  const title = `Backtest of ${run.stream}, ${Object.keys(report.versions).join(', ') || run.model}`
  const noOutcome = '<p class="soft">No scored event has an outcome yet, so the curves that need one are left out.</p>'
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head>
<body>
${warningOf(report)}<header><h1>${escaped(title)}</h1>
<p>${escaped(summaryOf(report, names))}</p></header>
${factsOf(report)}
<main>
<section><h2>Figures</h2>${figuresOf(figures.run, figures.other, names)}</section>
<section><h2>Curves</h2>${figures.run.labelled === 0 ? noOutcome : ''}<div class="plots">
${plotsOf(figures, names).join('\n')}
</div></section>
<section><h2>Tenants</h2>${tenantsOf(report, names)}</section>
<section><h2>Largest differences</h2>${disagreementsOf(report.disagreements, names)}</section>
</main>
<footer>Tidemill made this report from the event log. Where an event has several outcomes, the last one counts.
The stream's outcome rule decides what a missing outcome means, as of ${escaped(moment(run.asOfMs))}.</footer>
</body></html>
`
}

/** The warning of a run in which the model failed on events; undefined where it scored them all. */
export function fallbackOf({ run, fellBack, figures }: BacktestReport): string | undefined {
  if (fellBack === 0) return undefined
  const words = run.modelError === undefined ? '' : `: ${run.modelError}`
  return (
    `the model failed on ${whole(fellBack)} of ${whole(figures.run.rows)} events${words}. The heuristic scored ` +
    'them, so these figures are not those of the model'
  )
}

/** First on the page: these figures are not only those of the model. */
function warningOf(report: BacktestReport): string {
  const fallback = fallbackOf(report)
  return fallback === undefined ? '' : `<p class="warning" role="alert">${escaped(`Warning: ${fallback}.`)}</p>\n`
}

/** The result in a sentence or two. */
export function summaryOf({ figures }: BacktestReport, names: Names): string {
  const { run, other, compared, sameScores, otherRisks, ks, psi } = figures
  const scored =
    `The run scored ${whole(run.rows)} events. ${whole(run.labelled)} of them have an outcome, ` +
    `${whole(run.positives)} of these are positive.`
  const better =
    run.rocAuc === null || other.rocAuc === null
      ? ''
      : ` ROC-AUC ${run.rocAuc.toFixed(4)} against ${other.rocAuc.toFixed(4)} of ${names.other}.`
  const same =
    compared === 0
      ? ` No event is in ${names.other} too.`
      : sameScores === compared
        ? ` Every score equals the score of ${names.other} bit for bit.`
        : ` ${percent(otherRisks, compared)} have another risk level than in ${names.other} (KS ` +
          `${fraction(ks)}, PSI ${fraction(psi)}).`
  return scored + better + same
}

function factsOf({ run, versions, otherVersions, comparedWith, outcomes, duplicates, late }: BacktestReport): string {
  const counted = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([version, rows]) => `${version} (${whole(rows)})`)
      .join(', ') || 'none'
  const facts: readonly (readonly [string, string])[] = [
    ['Run', run.id],
    [
      'Log time',
      `${run.fromMs === null ? 'the beginning' : moment(run.fromMs)} to ` +
        (run.toMs === null ? moment(run.startedMs) : moment(run.toMs)),
    ],
    ['Scored by', counted(versions)],
    ['Compared with', `${comparedWith}: ${counted(otherVersions)}`],
    ['Vectors', run.fingerprint],
    ['Outcomes read', whole(outcomes)],
    ['Duplicates, late', `${whole(duplicates)}, ${whole(late)}`],
    [
      'Speed',
      run.replayMs === 0
        ? '–'
        : `${whole(Math.round(run.records / (run.replayMs / 1_000)))} records/s, ` +
          `${(run.replayMs / 1_000).toFixed(1)} s`,
    ],
  ]
  const shown = facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`)
  return `<dl>${shown.join('')}</dl>`
}

function figuresOf(run: ScorerFigures, other: ScorerFigures, names: Names): string {
  const row = (name: string, of: (scorer: ScorerFigures) => string): readonly Cell[] => [
    words(name),
    figure(of(run)),
    figure(of(other)),
  ]
  const at = (scorer: ScorerFigures): string =>
    scorer.cheapest === null ? '–' : `${scorer.cheapest.threshold.toFixed(2)} (${whole(scorer.cheapest.cost)})`
  return tableOf(
    'Over the same events',
    [words('figure'), { ...figure(names.run), className: 'run' }, { ...figure(names.other), className: 'other' }],
    [
      row('events scored', ({ rows }) => whole(rows)),
      row('with an outcome', ({ labelled }) => whole(labelled)),
      row('positive', ({ positives, labelled }) => `${whole(positives)} (${percent(positives, labelled)})`),
      row('ROC-AUC', ({ rocAuc }) => fraction(rocAuc)),
      row('average precision', ({ prAuc }) => fraction(prAuc)),
      row('Brier score', ({ calibration }) => fraction(calibration?.brier)),
      row('log loss', ({ calibration }) => fraction(calibration?.logLoss)),
      row('calibration error', ({ calibration }) => fraction(calibration?.error)),
      row('mean score', ({ meanScore }) => fraction(meanScore)),
      row('high risk', ({ high, rows }) => `${whole(high)} (${percent(high, rows)})`),
      row('medium risk', ({ medium, rows }) => `${whole(medium)} (${percent(medium, rows)})`),
      row('cheapest threshold (cost)', at),
    ],
  )
}

function tenantsOf({ figures: { tenants } }: BacktestReport, names: Names): string {
  const shown = tenants.slice(0, shownTenants)
  const caption =
    tenants.length > shown.length ? `The ${shownTenants} largest of ${whole(tenants.length)}` : 'Largest first'
  const columns = [
    'events',
    'with outcome',
    'positive',
    `AUC, ${names.run}`,
    `AUC, ${names.other}`,
    `mean, ${names.run}`,
    `mean, ${names.other}`,
    `high, ${names.run}`,
    `high, ${names.other}`,
  ]
  return tableOf(
    caption,
    [words('tenant'), ...columns.map(figure)],
    shown.map((one) => [
      words(one.tenant),
      figure(whole(one.rows)),
      figure(whole(one.labelled)),
      figure(whole(one.positives)),
      figure(fraction(one.rocAuc)),
      figure(fraction(one.otherRocAuc)),
      figure(fraction(one.meanScore)),
      figure(fraction(one.otherMeanScore)),
      figure(whole(one.high)),
      figure(whole(one.otherHigh)),
    ]),
  )
}

function disagreementsOf(disagreements: readonly Disagreement[], names: Names): string {
  if (disagreements.length === 0) return '<p>None: every event that both scored has the same score.</p>'
  const verdict = ({ score, risk }: Disagreement['run']): Cell => figure(`${score.toFixed(3)} ${risk}`)
  const reasons = (one: Disagreement): string =>
    one.run.reasons.length === 0 && one.other.reasons.length === 0
      ? '–'
      : `${one.run.reasons.join(', ') || 'none'} | ${one.other.reasons.join(', ') || 'none'}`
  const titles = [
    words('event'),
    words('time'),
    words('tenant'),
    words('entity'),
    figure(names.run),
    figure(names.other),
    words('outcome'),
    words(`reasons, ${names.run} | ${names.other}`),
  ]
  return tableOf(
    `The ${disagreements.length} events whose scores differ most`,
    titles,
    disagreements.map((one) => [
      words(one.event_id),
      words(moment(one.eventTimeMs)),
      words(one.tenant),
      words(one.entity.replaceAll(keySeparator, ' ')),
      verdict(one.run),
      verdict(one.other),
      words(one.label === null ? 'not known' : one.label === 1 ? 'yes' : 'no'),
      words(reasons(one)),
    ]),
  )
}
