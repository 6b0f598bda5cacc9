import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { Point } from '../../../src/learning/figures/ranking.js'
import { byLabel, type Labelled } from '../../../src/learning/figures/ranking.js'

/** Scores and labels with every figure as scikit-learn, SciPy and NumPy compute it (figures_fixture.py). */
export interface Case {
  readonly name: string
  readonly truth: readonly number[]
  readonly score: readonly number[]
  readonly other: readonly number[]
  readonly roc_auc: number
  readonly pr_auc: number
  readonly brier: number
  readonly log_loss: number
  readonly ks: number
  readonly psi: number
  readonly calibration: { readonly share: readonly number[]; readonly mean: readonly number[]; readonly error: number }
  readonly confusion: readonly {
    readonly threshold: number
    readonly hits: number
    readonly false_alarms: number
    readonly misses: number
    readonly passes: number
  }[]
  readonly roc: readonly Point[]
  readonly pr: readonly Point[]
}

export const { cases } = JSON.parse(readFileSync(new URL('figures.json', import.meta.url), 'utf8')) as {
  cases: readonly Case[]
}

export const labelledOf = ({ score, truth }: Pick<Case, 'score' | 'truth'>): Labelled =>
  byLabel(Float32Array.from(score), Int8Array.from(truth))

export const near = (actual: number | null | undefined, expected: number, tolerance = 1e-9): void =>
  assert.ok(
    actual !== undefined && actual !== null && Math.abs(actual - expected) <= tolerance,
    `${actual} is not ${expected}`,
  )

export interface Row {
  /** Of 0, 1/12 ... 1, so that there are ties; NaN where a scorer gave no score. */
  readonly score: number
  readonly label: number
}

const step = fc.integer({ min: 0, max: 12 }).map((n) => Math.fround(n / 12))

/** Rows that all have a score and a label. */
export const labelledRows = fc.array(fc.record({ score: step, label: fc.constantFrom(0, 1) }), {
  minLength: 2,
  maxLength: 60,
})

/** A score, which may be missing. */
export const anyScore = fc.oneof({ weight: 4, arbitrary: step }, fc.constant(Number.NaN))

export const labelledFrom = (rows: readonly Row[]): Labelled =>
  labelledOf({ score: rows.map(({ score }) => score), truth: rows.map(({ label }) => label) })

export const nothing: Labelled = byLabel(new Float32Array(), new Int8Array())
