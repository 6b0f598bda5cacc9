import assert from 'node:assert/strict'
import { test } from 'vitest'
import { createCommitter } from '../../../src/consumers/ground/committer.js'
import { EngineError } from '../../../src/base/errors.js'
import type { StateStore } from '../../../src/state/state-store.js'

const at = { stream: 'doors', partition: 0 }

/**
 * A committer with a store that records its calls. The event time of the state is one unit later at each commit.
 */
function committing(change: Partial<StateStore> = {}) {
  const asked: string[] = []
  const store: StateStore = {
    claim: () => Promise.resolve({ epoch: 1, claim: 'one', last: -1 }),
    load: () => Promise.resolve([]),
    commit: ({ last }) => Promise.resolve(void asked.push(`commit ${last}`)),
    sweep: (_at, _owner, nowEventMs) => Promise.resolve(asked.push(`sweep ${nowEventMs}`)),
    ...change,
  }
  let [hour, nowMs] = [0, 0]
  const clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() }
  const takeDirty = () => ({ puts: [], deletes: [], clockMs: ++hour, committed: () => undefined })
  const intervals = { commitIntervalMs: 10, commitIntervalMaxMs: 10, sweepIntervalMs: 1_000 }
  const committer = createCommitter({
    ...intervals,
    store,
    state: { takeDirty },
    at,
    owner: { epoch: 1, claim: 'one', last: -1 },
    clock,
    signal: new AbortController().signal,
    onCommitted: () => Promise.resolve(),
  })
  return {
    asked,
    due: (last: number, atMs: number) => ((nowMs = atMs), committer.due(last)),
    commit: (last: number, atMs: number) => ((nowMs = atMs), committer.commit(last)),
  }
}

test('expired state is swept after some commits, by the clock of the committed events', async () => {
  const { asked, commit } = committing()
  await commit(5, 100)
  await commit(6, 200)
  const both = [commit(7, 1_200), commit(8, 1_200)]
  await Promise.all(both)
  assert.deepEqual(asked, ['commit 5', 'sweep 1', 'commit 6', 'commit 7', 'sweep 3', 'commit 8'])
})

test('a store that cannot be swept now is swept later, and a broken store ends the flow', async () => {
  const unreachable = committing({ sweep: () => Promise.reject(new EngineError('STORE_DOWN', 'unreachable')) })
  await unreachable.commit(5, 100)
  await unreachable.commit(6, 5_000)
  assert.deepEqual(unreachable.asked, ['commit 5', 'commit 6'])
  await assert.rejects(committing({ sweep: () => Promise.reject(new Error('a bug')) }).commit(5, 100), /a bug/)
})

test('no commit is due during another one, nor within an interval after it', async () => {
  let answer = (): void => undefined
  const { due, commit } = committing({ commit: () => new Promise((resolve) => (answer = resolve)) })
  assert.equal(due(5, 100), true)
  const first = commit(5, 100)
  assert.equal(due(6, 500), false)
  await Promise.resolve()
  answer()
  await first
  assert.deepEqual([due(6, 509), due(6, 510), due(5, 510)], [false, true, false])
})
