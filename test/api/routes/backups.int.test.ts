import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import type { BackupHolding, HoldProgress } from '../../../src/contracts/backups.js'
import { EngineError } from '../../../src/base/errors.js'
import { fakeEngine } from '../fakes.js'
import { startApi } from '../harness.js'

/** Holds one part at a time; the test sets its state. */
function holding(): BackupHolding & { now: HoldProgress } {
  let held: string | undefined
  return {
    now: { state: 'writing', bytes: 1_000 },
    async begin() {
      if (held !== undefined) throw new EngineError('LOCKED', `backup ${held} is under way`)
      return (held = 'one')
    },
    progress(id) {
      return id === held ? this.now : undefined
    },
    async end(id) {
      if (id !== held) return false
      held = undefined
      return true
    },
  }
}

test('the operator begins a backup, polls its state and ends it', async () => {
  const backups = holding()
  const { send, as } = await startApi({ ports: { ...fakeEngine(), backups } })
  assert.deepEqual((await send(as.operator, 'POST', '/api/v2/backups', {})).body, { id: 'one' })
  assert.equal((await send(as.operator, 'POST', '/api/v2/backups', {})).status, 409)
  assert.deepEqual((await send(as.operator, 'GET', '/api/v2/backups/one')).body, {
    id: 'one',
    state: 'writing',
    bytes: 1_000,
    message: null,
    parts: null,
  })
  const parts = {
    directory: 'data',
    warehouse: 'data/warehouse/backups/one',
    log: [
      { topic: 'sync', partition: 0, first: 0, next: 7, files: [{ path: 'sync/0/0.segment', base: 0, bytes: 99 }] },
    ],
  }
  backups.now = { state: 'ready', parts }
  assert.deepEqual((await send(as.operator, 'GET', '/api/v2/backups/one')).body['parts'], parts)
  backups.now = { state: 'failed', message: 'no space left' }
  assert.equal((await send(as.operator, 'GET', '/api/v2/backups/one')).body['message'], 'no space left')
  assert.equal((await send(as.operator, 'DELETE', '/api/v2/backups/one')).status, 204)
  assert.equal((await send(as.operator, 'GET', '/api/v2/backups/one')).status, 404)
  assert.equal((await send(as.operator, 'DELETE', '/api/v2/backups/one')).status, 404)
})

test('other keys are refused, and an engine on servers refuses too', async () => {
  const { send, as, keyWith } = await startApi()
  const admin = await keyWith('admin')
  for (const key of [as.acme, admin]) assert.equal((await send(key, 'POST', '/api/v2/backups', {})).status, 403)
  const refused = await send(as.operator, 'POST', '/api/v2/backups', {})
  assert.equal(refused.status, 400)
  assert.match(refused.text, /use the backups of Kafka/)
})
