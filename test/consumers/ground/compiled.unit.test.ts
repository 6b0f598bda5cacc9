import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { blobVersion } from '../../../src/features/memory/blob.js'
import { changedDoors } from '../../fixtures/changed-doors.js'
import { doors } from '../../fixtures/doors.js'

test('the state has another identity where the plan, the partitions or the layout of blobs differ', () => {
  const { stateIdentity, plan } = compileStream(doors)
  assert.equal(stateIdentity, `${plan.fingerprint}/4/${blobVersion}`)
  assert.notEqual(compileStream({ ...doors, partitions: 8 }).stateIdentity, stateIdentity)
  assert.notEqual(compileStream(changedDoors).stateIdentity, stateIdentity)
})
