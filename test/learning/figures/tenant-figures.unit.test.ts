import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { backtestFigures } from '../../../src/learning/figures/backtest-figures.js'
import { tenantFigures } from '../../../src/learning/figures/tenant-figures.js'
import { near } from './cases.js'
import { anyRow, riskOf, rowsOf } from './rows.js'

const row = (tenant: string, score: number, label: number, other = score) => ({
  ...{ tenant, score, other, label },
  ...{ risk: riskOf(score), otherRisk: riskOf(other) },
})

test('the figures of a tenant are those of a backtest over its rows alone', () =>
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 60 }), (list) => {
      for (const found of tenantFigures(rowsOf(list))) {
        const own = list.filter(({ tenant }) => tenant === found.tenant)
        const { run, other } = backtestFigures(rowsOf(own))
        assert.equal(found.rows, own.length)
        assert.deepEqual(
          [found.labelled, found.positives, found.rocAuc, found.otherRocAuc],
          [run.labelled, run.positives, run.rocAuc, other.rocAuc],
        )
        assert.deepEqual([found.high, found.otherHigh], [run.high, other.high])
        assert.deepEqual([found.meanScore, found.otherMeanScore], [run.meanScore, other.meanScore])
      }
    }),
  ))

test('tenants with more rows come first, and those with as many by name', () => {
  const found = tenantFigures(rowsOf([row('b', 0, 0), row('c', 0, 0), row('a', 0, 0), row('c', 1, 1)]))
  assert.deepEqual(
    found.map(({ tenant, rows }) => [tenant, rows]),
    [
      ['c', 2],
      ['a', 1],
      ['b', 1],
    ],
  )
})

test('a tenant without labels of both kinds has no area; one without scores has no mean', () => {
  const [acme, globex] = tenantFigures(
    rowsOf([row('acme', 0.9, 1), row('acme', 0.2, -1), row('globex', Number.NaN, 1, 0.5)]),
  )
  assert.deepEqual([acme!.rocAuc, acme!.labelled, acme!.positives, acme!.high], [null, 1, 1, 1])
  near(acme!.meanScore, 0.55, 1e-7)
  assert.deepEqual([globex!.meanScore, globex!.labelled, globex!.otherMeanScore], [null, 0, 0.5])
})

test('no rows are no tenants', () => assert.deepEqual(tenantFigures(rowsOf([])), []))
