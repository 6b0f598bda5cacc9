import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { recordOf, cut } from '../../../src/consumers/models/pieces.js'
import { limits } from '../../../src/base/limits.js'
import type { NewRecord } from '../../../src/log/event-log.js'
import { modelPath } from '../../../src/scorers/model-store.js'
import { engineHarness } from '../engine-harness.js'
import { modelsTopic } from '../../../src/consumers/ground/topic-names.js'

import { code, filesOf, inTopic, nameOf, sha256, topicOf } from './models-harness.js'

test('a model larger than a record is published in pieces that a broker accepts', async () => {
  const harness = await engineHarness()
  const files = filesOf(harness, 'v1', 0.1, 3 * limits.modelPieceBytes)
  assert.equal(await topicOf(harness).publish(nameOf('v1'), files), 'published')
  const records = await harness.records(modelsTopic.topic, 0)
  assert.equal(records.length, 4)
  for (const { value } of records) assert.ok(value!.length <= limits.modelPieceBytes)
  assert.equal(new Set(records.map(({ key }) => key!.toString())).size, 4, 'compaction keeps one record a key')
  assert.deepEqual(await topicOf(harness).fetch(nameOf('v1')), files)
})

test('publishing a model again completes a model of which only a part was published', async () => {
  const harness = await engineHarness()
  const files = filesOf(harness, 'v1', 0.1, 3 * limits.modelPieceBytes)
  await harness.log.append(modelsTopic, cut(nameOf('v1'), files).slice(0, 2).map(recordOf))
  const topic = topicOf(harness)
  await assert.rejects(topic.fetch(nameOf('v1')), code('UNKNOWN_MODEL', /only a part/))
  await topic.publish(nameOf('v1'), files)
  assert.equal(await inTopic(harness), 4)
  assert.deepEqual(await topic.fetch(nameOf('v1')), files)
})

const damages: Readonly<Record<string, (record: NewRecord) => NewRecord>> = {
  'a flipped bit': (record) => ({
    ...record,
    value: Buffer.from(record.value!.map((byte, at) => (at === 100 ? byte ^ 1 : byte))),
  }),
  'a hash of something else': (record) => ({
    ...record,
    headers: { ...record.headers, sha256: Buffer.from(sha256(Buffer.of(1))) },
  }),
  'a count that cannot be': (record) => ({ ...record, headers: { ...record.headers, pieces: Buffer.from('1e9') } }),
  'a key of somebody else': (record) => ({ ...record, key: Buffer.from('../../etc') }),
}
for (const [what, damage] of Object.entries(damages))
  test(`a piece with ${what} is left out and reported once, and a good piece replaces it`, async () => {
    const harness = await engineHarness()
    const files = filesOf(harness, 'v1', 0.1, limits.modelPieceBytes)
    const [first, second] = cut(nameOf('v1'), files).map(recordOf)
    await harness.log.append(modelsTopic, [first!, damage(second!)])
    const said: string[] = []
    const topic = topicOf(harness, said)
    for (let times = 0; times < 2; times++)
      await assert.rejects(topic.fetch(nameOf('v1')), code('UNKNOWN_MODEL', /only a part/))
    assert.equal(said.length, 1)
    assert.match(said[0]!, /topic models, offset 1: .*left out/)
    await topic.publish(nameOf('v1'), files)
    assert.deepEqual(await topic.fetch(nameOf('v1')), files)
  })

test('no model name leads out of the folder of models', async () => {
  for (const part of ['..', '', '.hidden', 'a/b', 'a\\b'])
    assert.throws(
      () => modelPath({ family: 'f', scope: part, version: 'v1' }),
      code('UNKNOWN_MODEL', /is not the name of a model/),
    )
})
