import { strict as assert } from 'node:assert'
import { onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { beginBacktest, continueBacktest } from '../../../src/consumers/replay/backtest/backtest.js'
import { foldRoutes, noRoutes } from '../../../src/consumers/control/routes.js'
import { follow } from '../control-harness.js'
import { runResults } from '../../../src/consumers/replay/run-results.js'
import { storedBacktest, uploadRun } from '../../../src/consumers/replay/backtest/upload.js'
import { encodePredictions, type StoredBlock } from '../../../src/consumers/warehouse/predictions.js'
import { isEngineError } from '../../../src/base/errors.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import type { ReplayDecision } from '../../../src/contracts/runs.js'
import { migrate } from '../../../src/sinks/migrate.js'
import { changedDoors } from '../../fixtures/changed-doors.js'
import { openTemporaryWarehouse } from '../../sinks/chdb/chdb.js'
import { engineHarness, passes } from '../engine-harness.js'
import { replayHarness } from './replay-harness.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'

/** A finished backtest of 120 events beside what was served of them, and a warehouse that has the latter. */
async function finishedRun() {
  const harness = await engineHarness()
  const flow = await harness.score()
  await harness.append(passes(120), systemClock.nowMs() - 60_000)
  await flow.caughtUp()
  const { parts, directory } = await replayHarness(harness)
  const begun = await beginBacktest({ id: 'run-1', stream: changedDoors, model: 'heuristic_v1' }, parts)
  const { report } = await continueBacktest(begun, changedDoors, parts)
  const { warehouse, remove } = await openTemporaryWarehouse()
  await migrate(warehouse)
  const own = await parts.viewOwn(directory.of('run-1'))
  onTestFinished(async () => {
    await own.close()
    await remove()
  })
  const { partition } = report!.run.spans[0]!
  const blocks = (await harness.records(harness.stream.topics.predictions, partition)).map(
    ({ offset, value }): StoredBlock => ({
      stream: 'doors',
      topic: 'doors',
      partition,
      role: 'served',
      offset,
      generation: 0,
      block: decodeBlock(value!),
    }),
  )
  await warehouse.insert('predictions', encodePredictions(blocks.filter(({ block }) => block.rows > 0)))
  const control = await follow(harness.log, [])
  onTestFinished(() => control.close())
  const results = runResults(control, warehouse)
  const upload = (of: 'backtest' | 'replay', vectors: boolean) =>
    uploadRun({
      of,
      run: report!.run,
      own,
      topics: harness.stream.topics,
      results,
      vectors,
      ratePerSecond: Infinity,
      clock: systemClock,
      signal: new AbortController().signal,
    })
  const step = (state: ReplayDecision['state']): ReplayDecision => ({
    id: 'run-1',
    state,
    stream: 'doors',
    model: 'heuristic_v1',
    fromMs: null,
    toMs: null,
    rows: 120,
    by: 'ann',
    why: 'a better rule',
    atMs: systemClock.nowMs(),
  })
  return { harness, report: report!, warehouse, results, upload, step }
}

test('a run is stored in ClickHouse, copied into the live tables in recorded steps, and taken out again', async () => {
  const { harness, report, warehouse, results, upload, step } = await finishedRun()
  const corrected = (): Promise<readonly unknown[]> =>
    warehouse.query(
      'SELECT role, toUInt32(count()) AS rows, round(sum(score), 3) AS sum FROM predictions_corrected GROUP BY role',
    )
  const servedOnly = await corrected()
  const sum = report.figures.run.meanScore! * 120

  // Given twice, as after a cut connection, it is there once.
  assert.equal(await upload('backtest', false), 120)
  await upload('backtest', false)
  await results.putBacktest(storedBacktest(report))
  await results.putBacktest(storedBacktest(report))
  assert.deepEqual(
    await warehouse.query(
      'SELECT role, toUInt32(count()) AS rows, toUInt32(max(length(vector))) AS width FROM ' +
        'backtest_predictions FINAL GROUP BY role',
    ),
    [{ role: 'run-1', rows: 120, width: 0 }],
  )
  assert.deepEqual(
    await warehouse.query('SELECT id, toUInt32(rows) AS rows, from_time, roc_auc FROM backtest_runs FINAL'),
    [{ id: 'run-1', rows: 120, from_time: null, roc_auc: null }],
  )
  assert.deepEqual(await corrected(), servedOnly)

  // Nothing enters the live tables without a step on record, and nothing counts before the last one.
  await assert.rejects(upload('replay', true), (error) => isEngineError(error, 'BAD_REQUEST'))
  await assert.rejects(results.decideReplay(step('applied')), (error) => isEngineError(error, 'BAD_REQUEST'))
  await results.decideReplay(step('started'))
  assert.equal(await upload('replay', true), 120)
  assert.deepEqual(await corrected(), servedOnly)
  await results.decideReplay(step('applied'))
  const [applied] = (await corrected()) as readonly {
    readonly role: string
    readonly rows: number
    readonly sum: number
  }[]
  assert.deepEqual([applied!.role, applied!.rows], ['replay:run-1', 120])
  assert.ok(Math.abs(applied!.sum - sum) < 0.01, `${applied!.sum} ${sum}`)
  assert.deepEqual(await warehouse.query('SELECT toUInt32(count()) AS rows FROM predictions_with_outcomes'), [
    { rows: 120 },
  ])

  await results.decideReplay(step('undone'))
  assert.deepEqual(await corrected(), servedOnly)
  assert.deepEqual(
    await warehouse.query("SELECT toUInt32(count()) AS rows FROM predictions WHERE startsWith(role, 'replay:')"),
    [{ rows: 0 }],
  )
  assert.deepEqual(
    (await results.replays()).map(({ id, state, rows, by, why, fromMs }) => ({ id, state, rows, by, why, fromMs })),
    [{ id: 'run-1', state: 'undone', rows: 120, by: 'ann', why: 'a better rule', fromMs: null }],
  )
  const audit = (await harness.records(controlTopic.topic, 0)).map(
    ({ value }) => JSON.parse(value!.toString()) as ReplayDecision,
  )
  assert.deepEqual(
    audit.map(({ state, by }) => [state, by]),
    [
      ['started', 'ann'],
      ['applied', 'ann'],
      ['undone', 'ann'],
    ],
  )

  // The record of a replay is no decision about models: the fold of routes passes it over.
  const routes = foldRoutes()
  const control = await follow(harness.log, [routes], { report: (message) => assert.fail(message) })
  assert.deepEqual(routes.current(), noRoutes)
  await control.close()
})
