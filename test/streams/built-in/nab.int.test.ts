import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'
import { nabEvents, nabSeries, scoresBySeries, writeScores } from '../../../bench/nab/series.js'
import { leaveOneOut, nabScore, profiles } from '../../../bench/nab/score.js'
import { listModels, readModel } from '../../../src/scorers/model-store.js'
import { infraMetric } from '../../../src/streams/built-in/infra-metric.js'
import { replaySeries } from './replay-series.js'

/** Twelve files of the Numenta Anomaly Benchmark, in a folder beside the repository. */
const directory = fileURLToPath(new URL('../../../../shared/data/nab', import.meta.url))

if (existsSync(directory))
  describe('real server metrics with labelled anomalies', () => {
    const series = nabSeries(directory)
    const scores = scoresBySeries(
      series,
      replaySeries(nabEvents(series)).map(({ id, score }) => [id, score] as const),
    )

    test('score at least 57, well above the 50 of detectors that only compare neighbours or build forests', () => {
      const { score, found, falseAlarms } = nabScore(series, scores)
      assert.ok(score >= 57, `NAB standard ${score}, ${found} windows found, ${falseAlarms} false alarms`)
    })

    test('score at least 50 when the threshold of each file is chosen on the others', () => {
      const { score } = leaveOneOut(series, scores)
      assert.ok(score >= 50, `NAB standard ${score}`)
    })

    test('score at least 50 with the risk levels of the stream, which promise a rate of false alarms', () => {
      for (const level of [infraMetric.risk.medium, infraMetric.risk.high]) {
        const { score } = nabScore(series, scores, profiles.standard, level)
        assert.ok(score >= 50, `NAB standard ${score} with alarms from ${level} on`)
      }
    })

    test('have the same score by the published rule (score_nab.py)', () => {
      const scratch = mkdtempSync(join(tmpdir(), 'tidemill-nab-'))
      try {
        writeScores(scratch, series, scores)
        const { stdout, error } = spawnSync('python3', [join(directory, 'score_nab.py'), directory, scratch], {
          encoding: 'utf8',
        })
        if (error !== undefined)
          return void process.stderr.write(
            `NOT CHECKED: the score against score_nab.py, because python3 cannot be run: ${error.message}\n`,
          )
        const published = JSON.parse(stdout) as { score: number; windows_found: number; false_positive_rows: number }
        const ours = nabScore(series, scores)
        assert.deepEqual(
          [ours.score.toFixed(2), ours.found, ours.falseAlarms],
          [published.score.toFixed(2), published.windows_found, published.false_positive_rows],
        )
      } finally {
        rmSync(scratch, { recursive: true })
      }
    })
  })
else
  test('real server metrics are not available on this machine', () => {
    process.stderr.write('NOT RUN: the anomaly benchmark, because ../shared/data/nab is missing\n')
  })

test('the bundled model, which scores 0 on real server metrics, is withheld', async () => {
  const models = fileURLToPath(new URL('../../../models', import.meta.url))
  const newest = (await listModels(models)).filter(({ family }) => family === infraMetric.model).at(-1)!
  assert.match((await readModel(models, newest)).manifest.withheld ?? '', /real servers/)
})
