import { strict as assert } from 'node:assert'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'
import { daysOf, quietRows, quietSeries } from '../../../bench/nab/quiet.js'
import { nabEvents, nabSeries } from '../../../bench/nab/series.js'
import { calibrationOf, levels, type Calibration } from '../../../bench/nab/uniform.js'
import { replaySeries } from './replay-series.js'

type Series = ReturnType<typeof quietSeries>[number]

/** All quiet rows of the series together. */
function calibrated(all: readonly Series[]): Calibration {
  const byId = new Map(replaySeries(nabEvents(all)).map((one) => [one.id, one]))
  const quiet = all.map((one) => ({ one, rows: quietRows(one) }))
  return calibrationOf(
    quiet.flatMap(({ one, rows }) => rows.map((row) => byId.get(`${one.name}#${row}`)!)),
    quiet.reduce((sum, { one, rows }) => sum + daysOf(one, rows), 0),
  )
}

function isUniform(all: readonly Series[]): void {
  const { samples, days, apart, above, reached, alarms } = calibrated(all)
  assert.ok(apart < 0.03, `D of ${samples} p-values up to 0.5 is ${apart}`)
  assert.ok(above < 0.015, `D+ of ${samples} p-values is ${above}`)
  for (const risk of ['medium', 'high'] as const) {
    assert.ok(reached[risk] > 0.5 && reached[risk] < 2, `${risk} risk: ${reached[risk]} times the promised rate`)
    const promised = (samples / days) * 10 ** -levels[risk]
    assert.ok(alarms[risk] < 1.5 * promised, `${risk} risk: ${alarms[risk]} alarms a day, promised ${promised}`)
  }
}

/** Nothing about the detector was chosen on these: a year of J.F.K. airport, one row an hour. */
const heldOut = fileURLToPath(new URL('../../fixtures/quiet/jfk-2013.csv.gz', import.meta.url))
/** Demand for electricity, one row each half hour, in a folder beside the repository. */
const electricity = fileURLToPath(new URL('../../../../shared/data/drift/elec.csv', import.meta.url))
const labelled = fileURLToPath(new URL('../../../../shared/data/nab', import.meta.url))

describe('on a quiet series p-values are uniform, and the levels of risk are reached as often as they promise', () => {
  for (const series of quietSeries(heldOut, 60)) test(`held out: ${series.name}`, () => isUniform([series]))

  if (existsSync(electricity))
    for (const series of quietSeries(electricity, 30, ['feat_3', 'feat_5']))
      test(`electricity demand: ${series.name}`, () => isUniform([{ ...series, ...movingPart(series) }]))
  else test('electricity demand', () => process.stderr.write('NOT RUN: ../shared/data/drift/elec.csv is missing\n'))

  if (existsSync(labelled))
    test('servers outside their labelled windows: no level is reached more often than it promises', () => {
      const { above, reached } = calibrated(nabSeries(labelled))
      assert.ok(above < 0.015 && reached.medium < 1.2 && reached.high < 1.2, JSON.stringify({ above, reached }))
    })
  else
    test('servers outside their labelled windows', () =>
      process.stderr.write('NOT RUN: ../shared/data/nab is missing\n'))
})

/** Without the constant values at the start: one market joined a year later. */
function movingPart({ values, timesMs, stamps }: Series): Partial<Series> {
  const first = values.findIndex((value) => value !== values[0])
  return {
    rows: values.length - first,
    values: values.slice(first),
    timesMs: timesMs.slice(first),
    stamps: stamps.slice(first),
  }
}
