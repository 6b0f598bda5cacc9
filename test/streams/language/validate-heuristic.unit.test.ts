import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { attendance } from '../../../src/streams/built-in/attendance.js'
import { builtinStreams } from '../../../src/streams/built-in/index.js'
import { heuristicProblems } from '../../../src/streams/language/validate-heuristic.js'
import type { Stream } from '../../../src/streams/stream.js'

type X = Readonly<Record<string, number>>
const problems = (heuristic: Stream['heuristic']): readonly string[] => heuristicProblems({ ...attendance, heuristic })

describe('a heuristic that reads a feature that does not exist is refused', () => {
  const misspelt = /^heuristic: reads 'speed_kmp', but there is no such feature; did you mean 'speed_kmh'\?$/
  const cases: Readonly<Record<string, Stream['heuristic']>> = {
    everywhere: (x) => (x['speed_kmp']! > 3 ? 0.9 : 0.1),
    'for some values only': (x) => (x['distance_km']! > 250 && x['manual'] === 1 && x['speed_kmp']! > 3 ? 0.9 : 0.1),
    'between two numbers': (x) => (x['hour']! > 3.5 && x['hour']! < 3.6 ? (x['speed_kmp'] ?? 0) : 0.1),
    'as a default': ({ speed_kmp: speed = 0 }: X) => Math.min(1, Math.abs(speed)) || 0,
    'by a computed name': (x) => (x[['speed', 'kmp'].join('_')] === undefined ? 0.1 : 0.2),
  }
  for (const [when, heuristic] of Object.entries(cases))
    test(when, () => {
      const found = problems(heuristic)
      assert.equal(found.length, 1, found.join('\n'))
      assert.match(found[0]!, misspelt)
    })

  test('with every such name', () => {
    const found = problems((x) => (x['speed']! > 1 || x['hours']! > 1 ? 0.9 : 0.1))
    assert.deepEqual(
      found.map((problem) => /'(\w+)'/.exec(problem)![1]),
      ['speed', 'hours'],
    )
  })
})

test('a heuristic that throws with some values is refused with the words', () => {
  const [problem, ...others] = problems((x) => {
    if (x['hour']! > 22 && x['manual'] === 1) throw new Error('no such hour')
    return 0.1
  })
  assert.deepEqual([problem, others], ['heuristic: throws with some values: no such hour', []])
})

test('the streams of the engine read only their features', () => {
  for (const stream of builtinStreams) assert.deepEqual(heuristicProblems(stream), [], stream.name)
})
