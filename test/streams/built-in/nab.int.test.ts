import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'
import { nabEvents, nabSeries, scoresBySeries, writeScores } from '../../../bench/nab/series.js'
import { compile } from '../../../src/features/plan/compile.js'
import { nabScore, profiles } from '../../../bench/nab/score.js'
import { listModels, readModel } from '../../../src/scorers/model-store.js'
import { infraMetric } from '../../../src/streams/built-in/infra-metric.js'

/** Twelve files of the Numenta Anomaly Benchmark, which are not part of the repository. */
const directory = fileURLToPath(new URL('../../../../shared/data/nab', import.meta.url))

/** Folds all events in order through the plan, as one partition would, and scores each by the heuristic. */
function heuristicScores(
  events: readonly ReturnType<typeof nabEvents>[number][],
): readonly (readonly [string, number])[] {
  const plan = compile(infraMetric)
  const state = plan.open(100, 0)
  const vector = new Float32Array(plan.width)
  return inChunks(events, 2_000).flatMap((chunk) => {
    for (let keys = state.missing(chunk); keys.length > 0; keys = state.missing(chunk))
      state.admit(
        keys,
        keys.map(() => undefined),
      )
    return chunk.map((event) => {
      assert.equal(state.fold(event, vector, 0), 'folded')
      return [
        event.event_id,
        infraMetric.heuristic(Object.fromEntries(plan.names.map((name, i) => [name, vector[i]!]))),
      ] as const
    })
  })
}

const inChunks = <T>(all: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

if (existsSync(directory))
  describe('real server metrics with labelled anomalies', () => {
    const series = nabSeries(directory)
    const scores = scoresBySeries(series, heuristicScores(nabEvents(series)))

    test('get a score far above 50, the score of detectors with only neighbours or forests', () => {
      const { score, found, falseAlarms } = nabScore(series, scores)
      assert.ok(score >= 57, `NAB standard ${score}, ${found} windows found, ${falseAlarms} false alarms`)
    })

    test('get a score above it at the risk levels of the stream, which were chosen without labels', () => {
      for (const level of [infraMetric.risk.medium, infraMetric.risk.high]) {
        const { score } = nabScore(series, scores, profiles.standard, level)
        assert.ok(score >= 50, `NAB standard ${score} with alarms from ${level} on`)
      }
    })

    test('get the score of the published rule', () => {
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
  test('real server metrics are not available', () => {
    process.stderr.write('NOT RUN: the anomaly benchmark, because ../shared/data/nab is missing\n')
  })

test(
  'no bundled model serves the stream unless it was held against them: the demo model scores 15.1 and is ' + 'withheld',
  async () => {
    const models = fileURLToPath(new URL('../../../models', import.meta.url))
    const newest = (await listModels(models)).filter(({ family }) => family === infraMetric.model).at(-1)!
    assert.match((await readModel(models, newest)).manifest.withheld ?? '', /real servers/)
  },
)
