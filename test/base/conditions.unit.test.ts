import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { createConditions } from '../../src/base/conditions.js'

test('a condition that holds is not waited for', async () => {
  await createConditions().until(() => true)
})

test('every waiting caller is released by the change that its condition needs, and by no earlier one', async () => {
  const { until, changed } = createConditions()
  const released: number[] = []
  let value = 0
  const all = [1, 2, 2].map((least) => until(() => value >= least).then(() => released.push(least)))
  for (value = 1; value <= 2; value++) {
    changed()
    await Promise.resolve()
    await Promise.resolve()
    assert.deepEqual(released, value === 1 ? [1] : [1, 2, 2])
  }
  await Promise.all(all)
})

test('an aborted signal releases its caller alone', async () => {
  const { until, changed } = createConditions()
  const [over, value] = [new AbortController(), { ready: false }]
  let others = 0
  const other = until(() => value.ready).then(() => others++)
  const mine = until(() => value.ready, over.signal)
  over.abort()
  await mine
  assert.equal(others, 0)
  value.ready = true
  changed()
  await other
})
