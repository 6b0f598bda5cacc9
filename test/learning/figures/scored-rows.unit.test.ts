import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { collectRows, type ScoredRow } from '../../../src/learning/figures/scored-rows.js'
import { anyRow } from './rows.js'

test('the columns hold what was added, row by row, and each tenant has one number', () =>
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 30 }), fc.nat(5), (added, spare) => {
      const collector = collectRows(added.length + spare)
      for (const row of added) collector.add(row)
      const found = collector.rows()
      assert.equal(found.rows, added.length)
      const again = Array.from({ length: found.rows }, (_, row): ScoredRow => ({
        tenant: found.tenants[found.tenantOf[row]!]!,
        score: found.scores[row]!,
        other: found.others[row]!,
        label: found.labels[row]!,
        risk: found.risks[row]!,
        otherRisk: found.otherRisks[row]!,
      }))
      assert.deepEqual(again, added)
      assert.equal(new Set(found.tenants).size, found.tenants.length)
      for (const column of [found.scores, found.others, found.labels, found.risks, found.otherRisks, found.tenantOf])
        assert.equal(column.length, added.length)
    }),
  ))

test('no rows are empty columns', () => {
  const { rows, tenants, scores } = collectRows(0).rows()
  assert.deepEqual([rows, tenants, scores.length], [0, [], 0])
})
