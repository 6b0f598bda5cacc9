import { strict as assert } from 'node:assert'
import { readdir } from 'node:fs/promises'
import { test } from 'vitest'
import {
  beginBacktest,
  compareRuns,
  continueBacktest,
  type BacktestParts,
} from '../../../src/consumers/replay/backtest/backtest.js'
import type { BacktestReport } from '../../../src/consumers/replay/backtest/directory.js'
import { appendOutcomes } from '../../../src/consumers/serving/ingest.js'
import { isEngineError } from '../../../src/base/errors.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import type { Stream } from '../../../src/streams/stream.js'
import { changedDoors } from '../../fixtures/changed-doors.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, monday, passes } from '../engine-harness.js'
import { placeDoorsModel } from '../models/placed-model.js'
import { marginModel, nanAboveModel } from '../../scorers/onnx/bytes.js'
import { backtestPage, fallbackOf } from '../../../src/cli/report/backtest-report.js'
import { comparisonText, reportText } from '../../../src/cli/report/backtest-text.js'
import { replayHarness } from './replay-harness.js'

const caller = { tenant: '*', key: 'k1' }

async function backtest(
  parts: BacktestParts,
  change: {
    readonly id?: string
    readonly model?: string
    readonly stream?: Stream
    readonly fromMs?: number
    readonly toMs?: number
  } = {},
): Promise<BacktestReport> {
  const { id = 'first', model = 'served', stream = doors, ...range } = change
  const { report } = await continueBacktest(await beginBacktest({ id, stream, model, ...range }, parts), stream, parts)
  return report!
}

test('beside a running engine, a backtest with the serving models gives the served scores, bit for bit', async () => {
  const harness = await engineHarness()
  const flow = await harness.score()
  await harness.append([...passes(300), 'no event', passes(1, 10)[0]!, ...passes(200, 300, 'globex')])
  await flow.caughtUp()
  const before = await Promise.all(
    Array.from({ length: harness.stream.stream.partitions }, (_, partition) =>
      harness.log.bounds({ topic: harness.stream.topics.predictions, partition }),
    ),
  )
  const { parts } = await replayHarness(harness)
  const report = await backtest(parts)
  assert.equal(report.figures.run.rows, 500)
  assert.equal(report.figures.sameScores, 500)
  assert.equal(report.duplicates, 1)
  assert.deepEqual(report.disagreements, [])
  const after = await Promise.all(
    before.map((_, partition) => harness.log.bounds({ topic: harness.stream.topics.predictions, partition })),
  )
  assert.deepEqual(after, before)
})

test('an interrupted run continues from its last checkpoint and has the same result', async () => {
  const harness = await engineHarness()
  const flow = await harness.score()
  await harness.append(passes(900))
  await flow.caughtUp()
  const { parts, directory, interruptedAfter } = await replayHarness(harness)
  const begun = await beginBacktest({ id: 'cut', stream: doors, model: 'served' }, parts)
  const first = await continueBacktest(begun, doors, interruptedAfter(400))
  assert.equal(first.run.status, 'interrupted')
  assert.equal(first.report, undefined)
  const covered = await lastCovered(
    directory.of('cut'),
    parts,
    harness.stream.topics.predictions,
    begun.spans[0]!.partition,
  )
  assert.ok(covered > 0 && covered < 899, `${covered}`)
  const { report } = await continueBacktest(await directory.read('cut'), doors, parts)
  assert.equal(report!.figures.sameScores, 900)
  assert.equal((await directory.read('cut')).status, 'done')
  assert.ok(!(await readdir(directory.of('cut'))).includes('state'))
})

async function lastCovered(
  place: string,
  { viewOwn }: BacktestParts,
  topic: string,
  partition: number,
): Promise<number> {
  const view = await viewOwn(place)
  const { next } = await view.bounds({ topic, partition })
  const reader = view.reader({ topic, partition })
  const [record] = await reader.read(next - 1, { records: 1, bytes: 1 }, new AbortController().signal)
  const { last } = decodeBlock(record!.value!)
  await reader.close()
  await view.close()
  return last
}

test('a run from the middle of the log, after a warm-up over the horizon, gives the served scores', async () => {
  const harness = await engineHarness()
  const flow = await harness.score()
  for (let i = 0; i < 20; i++) await harness.append(passes(30, 30 * i), monday + i * 3_600_000)
  await flow.caughtUp()
  const { parts } = await replayHarness(harness)
  const report = await backtest(parts, { fromMs: monday + 12 * 3_600_000, toMs: monday + 18 * 3_600_000 })
  assert.equal(report.figures.run.rows, 180)
  assert.equal(report.figures.sameScores, 180)
})

test('a run without the warm-up gives other scores', async () => {
  const harness = await engineHarness()
  const flow = await harness.score()
  for (let i = 0; i < 6; i++) await harness.append(passes(30, 30 * i), monday + i * 3_600_000)
  await flow.caughtUp()
  const { parts } = await replayHarness(harness)
  const cold = { ...parts, settings: { ...parts.settings, seenIds: 0 } }
  const begun = await beginBacktest(
    { id: 'cold', stream: doors, model: 'served', fromMs: monday + 4 * 3_600_000, warmMs: -1e15 },
    cold,
  )
  const { report } = await continueBacktest(begun, doors, cold)
  assert.ok(report!.figures.sameScores < report!.figures.run.rows)
})

test('a run of another model has figures from outcomes, and lists where the two disagree and why', async () => {
  const harness = await engineHarness()
  const flow = await harness.score()
  const events = passes(400)
  await harness.append(events)
  await flow.caughtUp()
  await appendOutcomes(
    harness.log,
    events.map((event, i) => ({
      stream: 'doors',
      tenant: 'acme',
      event_id: String(event['event_id']),
      label: Number(event['force']) > 20 ? 1 : 0,
      source: 'review',
      decidedAtMs: monday + i,
    })),
    caller,
  )
  await appendOutcomes(
    harness.log,
    [{ stream: 'doors', tenant: 'acme', event_id: 'acme-0', label: 1, source: 'correction', decidedAtMs: monday }],
    caller,
  )
  const { parts } = await replayHarness(harness)
  const report = await backtest(parts, { stream: changedDoors, model: 'heuristic_v1' })
  const { run, other } = report.figures
  assert.equal(report.outcomes, 401)
  assert.equal(run.labelled, 400)
  assert.equal(run.positives, events.filter((event, i) => i === 0 || Number(event['force']) > 20).length)
  assert.ok(run.rocAuc! > 0.99 && other.rocAuc! < 0.9, `${run.rocAuc} ${other.rocAuc}`)
  assert.ok(report.disagreements.length > 10)
  const [worst] = report.disagreements
  assert.ok(
    Math.abs(worst!.run.score - worst!.other.score) >=
      Math.abs(report.disagreements[5]!.run.score - report.disagreements[5]!.other.score),
  )
  assert.ok(report.disagreements.some(({ other: theirs }) => theirs.reasons.includes('passes_1h')))

  await backtest(parts, { id: 'second', model: 'heuristic_v1' })
  const compared = await compareRuns(doors, 'first', 'second', parts)
  assert.deepEqual([compared.comparedWith, compared.figures.other.rows], ['second', 400])
  assert.equal(compared.figures.run.rocAuc, run.rocAuc)
  assert.equal((await compareRuns(doors, 'second', 'served', parts)).figures.sameScores, 400)
})

test('a run that cannot work is refused before anything is stored', async () => {
  const harness = await engineHarness()
  await harness.append(passes(5))
  const { parts, directory } = await replayHarness(harness)
  await assert.rejects(backtest(parts, { fromMs: Date.UTC(2100, 0, 1) }), (error) =>
    isEngineError(error, 'BAD_REQUEST'),
  )
  await assert.rejects(backtest(parts, { model: 'v7' }), (error) => isEngineError(error, 'UNKNOWN_MODEL'))
  await assert.rejects(backtest(parts, { model: 'served' }), (error) => isEngineError(error, 'BAD_REQUEST'))
  assert.deepEqual(await directory.list(), [])
  await assert.rejects(directory.readReport('nothing'), (error) => isEngineError(error, 'BAD_REQUEST'))
})

test('a run in which the model failed on events says so first, in the text and on the page', async () => {
  const harness = await engineHarness()
  await harness.append(passes(200))
  const { parts, models, directory } = await replayHarness(harness)
  const { width } = harness.stream.plan
  await placeDoorsModel(models, harness.stream, 'nan', nanAboveModel(width, 30))
  await placeDoorsModel(models, harness.stream, 'good', 2)
  const report = await backtest(parts, { model: 'nan' })
  assert.ok(report.fellBack > 0 && report.fellBack < 200, `${report.fellBack}`)
  assert.equal(report.versions['heuristic_v1'], report.fellBack)
  assert.equal((await directory.read('first')).modelError, 'it answered NaN, which is no number in 0..1')
  const words = `the model failed on ${report.fellBack} of 200 events: it answered NaN`
  assert.ok(fallbackOf(report)!.startsWith(words), fallbackOf(report))
  for (const text of [reportText(report), comparisonText(report)]) assert.ok(text.startsWith(`WARNING: ${words}`), text)
  const page = backtestPage(report)
  assert.ok(page.indexOf('<body>\n<p class="warning" role="alert">Warning: the model failed') > 0)
  assert.deepEqual(await directory.readReport('first'), JSON.parse(JSON.stringify(report)))

  const good = await backtest(parts, { id: 'good', model: 'good' })
  assert.deepEqual([good.fellBack, fallbackOf(good)], [0, undefined])
  assert.ok(!backtestPage(good).includes('role="alert"'))
  assert.ok(!reportText(good).includes('WARNING'))
})

test('a run keeps what its model did wrong when it continues after an interruption', async () => {
  const harness = await engineHarness()
  await harness.append(passes(900))
  const { parts, models, directory, interruptedAfter } = await replayHarness(harness)
  await placeDoorsModel(models, harness.stream, 'nan', nanAboveModel(harness.stream.plan.width, 30))
  const begun = await beginBacktest({ id: 'cut', stream: doors, model: 'nan' }, parts)
  assert.equal((await continueBacktest(begun, doors, interruptedAfter(400))).run.status, 'interrupted')
  assert.match((await directory.read('cut')).modelError!, /answered NaN/)
  const { report } = await continueBacktest(await directory.read('cut'), doors, parts)
  assert.match(fallbackOf(report!)!, /: it answered NaN/)
})

test('a run of a model that is refused is an error before anything is written', async () => {
  const harness = await engineHarness()
  await harness.append(passes(20))
  const { parts, models, directory } = await replayHarness(harness)
  const weights = harness.stream.plan.names.map(() => 1)
  await placeDoorsModel(models, harness.stream, 'margin', marginModel(weights))
  await assert.rejects(
    backtest(parts, { model: 'margin' }),
    (error) => isEngineError(error, 'MODEL_REFUSED') && /Export probabilities/.test(error.message),
  )
  assert.deepEqual(await directory.list(), [])
})
