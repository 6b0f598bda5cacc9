import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { ModelRunError, type Session } from '../../src/scorers/model-runtime.js'
import { reasons } from '../../src/scorers/reasons.js'
import { championOf, emptyRouting, withChampion, type Serving } from '../../src/scorers/routing.js'
import { score, type ScoredStream } from '../../src/scorers/score.js'

const stream: ScoredStream = {
  name: 'doors',
  model: 'door-fraud',
  featureNames: ['speed', 'night'],
  risk: { medium: 0.5, high: 0.8 },
  heuristic: (x) => (x['speed']! > 100 ? 0.9 : 0) + (x['night'] === 1 ? 0.05 : 0),
  typical: Float32Array.of(0, 0),
}

/** A model that scores by a function, and counts its runs. */
const modelOf = (version: string, of: (row: Float32Array) => number): Serving & { runs: number } => {
  const serving = {
    version,
    runs: 0,
    thresholds: { medium: 0.3, high: 0.6 },
    typical: Float32Array.of(0, 0),
    session: {
      id: version,
      width: 2,
      run: (vectors: Float32Array, rows: number) => {
        serving.runs++
        return Promise.resolve(Float32Array.from({ length: rows }, (_, i) => of(vectors.subarray(i * 2, i * 2 + 2))))
      },
    } satisfies Session,
  }
  return serving
}

test('without a model the heuristic scores, and the row contains the reason', async () => {
  const scores = await score(stream, emptyRouting, ['acme', 'acme'], Float32Array.of(200, 0, 3, 1))
  assert.deepEqual(
    [...scores.values].map((x) => x.toFixed(2)),
    ['0.90', '0.05'],
  )
  assert.deepEqual([...scores.by], [1, 1])
  assert.deepEqual([...scores.risks], [2, 0])
  assert.deepEqual(scores.versions, ['heuristic_v1'])
})

test('a chunk is one run of the model, even with several tenants', async () => {
  const model = modelOf('v1', (row) => row[0]! / 10)
  const scores = await score(
    stream,
    withChampion(emptyRouting, 'door-fraud', 'global', model),
    ['a', 'b', 'c'],
    Float32Array.of(1, 0, 4, 0, 7, 0),
  )
  assert.equal(model.runs, 1)
  assert.deepEqual([...scores.risks], [0, 1, 2])
  assert.deepEqual([...scores.versionOf], [0, 0, 0])
})

test("a tenant's own model has precedence over the global one, and rows keep their order", async () => {
  const routing = withChampion(
    withChampion(
      emptyRouting,
      'door-fraud',
      'global',
      modelOf('g', () => 0.1),
    ),
    'door-fraud',
    'own',
    modelOf('o', (row) => row[0]!),
  )
  const scores = await score(stream, routing, ['x', 'own', 'x', 'own'], Float32Array.of(0, 0, 0.5, 0, 0, 0, 0.7, 0))
  assert.deepEqual(
    [...scores.values].map((x) => x.toFixed(1)),
    ['0.1', '0.5', '0.1', '0.7'],
  )
  assert.deepEqual(
    [...scores.versionOf].map((i) => scores.versions[i]),
    ['g', 'o', 'g', 'o'],
  )
})

test('the heuristic scores a row on which the model fails, and the other rows keep their scores', async () => {
  const picky = modelOf('picky', () => 0.25)
  const whole: Session = picky.session
  const session: Session = {
    ...picky.session,
    run: (vectors, rows) =>
      vectors.includes(200) ? Promise.reject(new ModelRunError('no')) : whole.run(vectors, rows),
  }
  const scores = await score(
    stream,
    withChampion(emptyRouting, 'door-fraud', 'global', { ...picky, session }),
    ['a', 'a', 'a'],
    Float32Array.of(1, 0, 200, 0, 2, 0),
  )
  assert.deepEqual([...scores.by], [0, 2, 0])
  assert.deepEqual(
    [...scores.values].map((x) => x.toFixed(2)),
    ['0.25', '0.90', '0.25'],
  )
  assert.deepEqual(
    [...scores.versionOf].map((i) => scores.versions[i]),
    ['picky', 'heuristic_v1', 'picky'],
  )
})

test('a failure that the input does not cause is passed on', async () => {
  const lost: Serving = {
    ...modelOf('lost', () => 0),
    session: { id: 'lost', width: 2, run: () => Promise.reject(new Error('lost')) },
  }
  await assert.rejects(
    score(stream, withChampion(emptyRouting, 'door-fraud', 'global', lost), ['a'], Float32Array.of(0, 0)),
    /lost/,
  )
})

test('a heuristic is limited to 0..1, and NaN becomes 0', async () => {
  const odd: ScoredStream = { ...stream, model: undefined, heuristic: (x) => x['speed']! }
  assert.deepEqual(
    [...(await score(odd, emptyRouting, ['a', 'a', 'a'], Float32Array.of(7, 0, -1, 0, NaN, 0))).values],
    [1, 0, 0],
  )
})

test('without its champion a tenant is scored by the heuristic', () => {
  const routing = withChampion(
    emptyRouting,
    'door-fraud',
    'global',
    modelOf('v1', () => 0),
  )
  assert.equal(championOf(routing, 'door-fraud', 'any')?.version, 'v1')
  assert.equal(championOf(withChampion(routing, 'door-fraud', 'global', undefined), 'door-fraud', 'any'), undefined)
})

test('the reasons of a score are the features without which it decreases, strongest first', async () => {
  const model = modelOf('v1', (row) => 0.3 * Math.min(row[0]!, 1) + 0.6 * row[1]!)
  const routing = withChampion(emptyRouting, 'door-fraud', 'global', model)
  assert.deepEqual(await reasons(stream, routing, ['a', 'a', 'a'], Float32Array.of(5, 1, 5, 0, 0, 0)), [
    'night,speed',
    'speed',
    '',
  ])
  assert.deepEqual(await reasons(stream, emptyRouting, ['a'], Float32Array.of(200, 1)), ['speed'])
})

test('an answer that is no number in 0..1 makes only its row a model-error, by the heuristic', async () => {
  const errors: (readonly [number, string])[] = []
  const odd = {
    ...modelOf('odd', (row) => row[0]!),
    onError: (rows: number, what: string) => errors.push([rows, what]),
  }
  const routing = withChampion(emptyRouting, 'door-fraud', 'global', odd)
  const answers = [0.5, NaN, 1.7, -3, Infinity, 0.25]
  const scores = await score(
    stream,
    routing,
    answers.map(() => 'a'),
    Float32Array.from(answers.flatMap((answer) => [answer, 1])),
  )
  assert.deepEqual([...scores.by], [0, 2, 2, 2, 2, 0])
  assert.deepEqual(
    [...scores.values].map((x) => x.toFixed(2)),
    ['0.50', '0.05', '0.05', '0.05', '0.95', '0.25'],
  )
  assert.deepEqual(
    [...scores.versionOf].map((i) => scores.versions[i]),
    ['odd', 'heuristic_v1', 'heuristic_v1', 'heuristic_v1', 'heuristic_v1', 'odd'],
  )
  assert.deepEqual(errors, [[4, 'it answered NaN, which is no number in 0..1']])
})

test('a sum of probabilities that rounding lifts above 1 is 1', async () => {
  const routing = withChampion(
    emptyRouting,
    'door-fraud',
    'global',
    modelOf('sum', (row) => row[0]!),
  )
  const scores = await score(stream, routing, ['a', 'a'], Float32Array.of(1.000001, 0, -0.000001, 0))
  assert.deepEqual(
    [[...scores.values].map(Math.abs), [...scores.by]],
    [
      [1, 0],
      [0, 0],
    ],
  )
})

test('the heuristic scores the rows of a refused model, and its words are reported', async () => {
  const errors: (readonly [number, string])[] = []
  const onError = (rows: number, what: string) => void errors.push([rows, what])
  const refused = { version: 'v1', refused: 'it answers NaN', onError }
  const routing = withChampion(emptyRouting, 'door-fraud', 'global', refused)
  const scores = await score(stream, routing, ['a', 'a'], Float32Array.of(200, 0, 3, 1))
  assert.deepEqual([[...scores.by], scores.versions, [...scores.risks]], [[2, 2], ['heuristic_v1'], [2, 0]])
  assert.deepEqual(errors, [[2, 'it answers NaN']])
  assert.deepEqual(await reasons(stream, routing, ['a'], Float32Array.of(200, 1)), ['speed'])
})

test('the reasons of a row that the model cannot score are those of the heuristic', async () => {
  const nan = withChampion(
    emptyRouting,
    'door-fraud',
    'global',
    modelOf('nan', (row) => (row[0] === 200 ? NaN : 0.5)),
  )
  assert.deepEqual(await reasons(stream, nan, ['a'], Float32Array.of(200, 1)), ['speed'])
})
