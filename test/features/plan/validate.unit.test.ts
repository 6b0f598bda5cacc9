import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { isEngineError, messageOf } from '../../../src/base/errors.js'
import { compile } from '../../../src/features/plan/compile.js'
import type { Feature, FeatureSet } from '../../../src/features/feature.js'
import { minuteMs, setOf } from '../../spec/features/histories.js'

const hour = { by: 'person', windowMs: 60 * minuteMs } as const
const count: Feature = { kind: 'count', ...hour, keep: { exact: 10 } }

/** The message with which a set is refused. */
function refusal(features: Readonly<Record<string, Feature>>, change: Partial<FeatureSet> = {}): string {
  const set = { ...setOf(Object.entries(features).map(([name, feature]) => ({ name, feature }))), ...change }
  try {
    compile(set)
  } catch (error) {
    assert.ok(isEngineError(error, 'BAD_STREAM'))
    return messageOf(error)
  }
  return 'accepted'
}

describe('the error names the stream, the feature, the field and what is wrong', () => {
  const refused: readonly [what: string, features: Readonly<Record<string, Feature>>, message: RegExp][] = [
    [
      'an unknown entity',
      { a: { ...count, by: 'robot' } },
      /stream histories: feature a: by: there is no entity 'robot'; there are person, device, site, desk/,
    ],
    [
      'a window that is no multiple of its tile',
      { a: { ...count, keep: { tileMs: 7 * minuteMs } } },
      /feature a: keep.tileMs: .*not a multiple/,
    ],
    ['more tiles than can be kept', { a: { ...count, keep: { tileMs: 1 } } }, /feature a: keep.tileMs: .*at most/],
    [
      'a quantile of tiles',
      {
        a: { kind: 'quantile', value: { column: 'value' }, q: 0.5, ...hour, keep: { tileMs: minuteMs }, otherwise: 0 },
      },
      /feature a: keep: a quantile needs the values/,
    ],
    [
      'a robust deviation of tiles',
      {
        a: {
          kind: 'robust-zscore',
          value: { column: 'value' },
          floor: 1,
          atLeast: 1,
          ...hour,
          keep: { tileMs: minuteMs },
          otherwise: 0,
        },
      },
      /feature a: keep: a robust-zscore/,
    ],
    [
      'a quantile beyond 1',
      { a: { kind: 'quantile', value: { column: 'value' }, q: 50, ...hour, keep: { exact: 9 }, otherwise: 0 } },
      /feature a: q: 50/,
    ],
    ['no cap', { a: { ...count, keep: { exact: 0 } } }, /feature a: keep.exact: 0/],
    ['an empty window', { a: { ...count, windowMs: 0 } }, /feature a: windowMs: 0/],
    [
      'an empty horizon',
      { a: { kind: 'elapsed', by: 'person', horizonMs: 0, otherwise: 0 } },
      /feature a: horizonMs: 0/,
    ],
    [
      'a ratio of a later feature',
      { a: { kind: 'ratio', over: 'b', under: 'b', otherwise: 0 }, b: count },
      /feature a: over: 'b' must be declared before it/,
    ],
    [
      'a difference of nothing',
      { a: { kind: 'difference', left: 'x', right: 'a' } },
      /feature a: left: there is no feature 'x'/,
    ],
    [
      'a season of another clock',
      {
        a: {
          kind: 'seasonal',
          value: { column: 'value' },
          time: 'since',
          period: 'day',
          slots: 24,
          as: 'mean',
          floor: 1,
          atLeast: 1,
          by: 'person',
          horizonMs: 864e5,
          otherwise: 0,
        },
      },
      /feature a: time: 'since' is not the event time 'at'/,
    ],
    [
      'a column that is no name',
      { a: { kind: 'value', value: { column: 'x; import("fs")' }, otherwise: 0 } },
      /feature a: columns: 'x; import\("fs"\)' is not a column name/,
    ],
  ]
  for (const [what, features, message] of refused) test(what, () => assert.match(refusal(features), message))

  test('a name used twice', () =>
    assert.match(
      refusal(
        {},
        {
          features: [
            { name: 'a', feature: count },
            { name: 'a', feature: count },
          ],
        },
      ),
      /feature a: the name is used twice/,
    ))
  test('too many features', () =>
    assert.match(
      refusal({}, { features: Array.from({ length: 1_025 }, (_, i) => ({ name: `f${i}`, feature: count })) }),
      /there are 1025, at most 1024/,
    ))
  test('a lateness that is no duration', () =>
    assert.match(refusal({ a: count }, { latenessMs: -1 }), /latenessMs: -1/))
  test('all problems at once', () =>
    assert.equal(
      refusal(
        { a: { ...count, by: 'robot', windowMs: -5 }, b: { ...count, keep: { exact: 0.5 } } },
        { latenessMs: Number.NaN },
      ).split('\n').length,
      4,
    ))
})
