import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { prAuc, rocAuc } from './ranking.js'

interface Case {
  readonly name: string
  readonly truth: readonly number[]
  readonly score: readonly number[]
  readonly roc_auc: number
  readonly pr_auc: number
}

const { cases } = JSON.parse(readFileSync(new URL('ranking.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
}

describe('measures of a ranking equal those of scikit-learn', () => {
  for (const { name, truth, score, roc_auc, pr_auc } of cases)
    test(name, () => {
      assert.ok(Math.abs(rocAuc(truth, score) - roc_auc) < 1e-12)
      assert.ok(Math.abs(prAuc(truth, score) - pr_auc) < 1e-12)
    })
})
