import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import type { Rule } from './rules.js'
import { source, type Source } from './source.js'

export interface Kept {
  readonly rule: Rule
  /** Files that the rule must refuse, and files beside them that it must accept. */
  readonly bad: readonly (readonly [path: string, text: string])[]
  readonly good: readonly (readonly [path: string, text: string])[]
}

/** Two tests a rule: the project keeps it, and it refuses what it must and nothing else. */
export function demand(kept: Readonly<Record<string, Kept>>, files: readonly Source[]): void {
  for (const [name, { rule, bad, good }] of Object.entries(kept)) {
    test(`${name}: every file keeps the rule`, () => {
      assert.deepEqual(files.flatMap(rule), [])
    })
    test(`${name}: the rule refuses what it must and nothing else`, () => {
      for (const [path, code] of bad)
        assert.ok(rule(source(path, code)).length > 0, `lets through ${path}: ${code.slice(0, 80)}`)
      for (const [path, code] of good) assert.deepEqual(rule(source(path, code)), [])
    })
  }
}
