import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { persistently } from '../../../src/log/kafka/persistence.js'
import { limits } from '../../../src/base/limits.js'

const clock = { nowMs: () => 0, sleep: async () => undefined }
const connection = { clock, brokers: ['nowhere:1'], clientId: 'test' }
const failing = new Error('the request timed out')

test('an attempt that a broker serves between failures continues; one that fails again and again ends', async () => {
  let attempts = 0
  const patient = await persistently(
    connection,
    'read control/0',
    async (heard) => {
      if (++attempts > 5 * limits.brokerTries) return 'news'
      heard()
      throw failing
    },
    { outages: 'wait' },
    () => false,
  )
  assert.equal(patient, 'news')
  attempts = 0
  await assert.rejects(
    persistently(
      connection,
      'read control/0',
      async () => {
        attempts++
        throw failing
      },
      { outages: 'wait' },
      () => false,
    ),
    (error) => isEngineError(error, 'LOG_DOWN'),
  )
  assert.equal(attempts, limits.brokerTries)
})
