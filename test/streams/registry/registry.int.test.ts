import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { limits } from '../../../src/base/limits.js'
import type { AvroRecord } from '../../../src/contracts/streams.js'
import { doors } from '../../fixtures/doors.js'
import { open, quick } from './open-registry.js'
import { registryServer } from './registry-server.js'

const withFields = (...fields: AvroRecord['fields']): AvroRecord => ({
  ...doors.schema,
  fields: [...doors.schema.fields, ...fields],
})
const optional = { name: 'colour', type: ['null', 'string'], default: null } as const
const required = { name: 'colour', type: 'string' } as const

describe('a real registry', () => {
  const server = registryServer()

  test('returns a registered schema by subject and by id', async () => {
    const registry = open(server().url)
    assert.deepEqual(
      [await registry.latest('a-value'), await registry.find('a-value', doors.schema)],
      [undefined, undefined],
    )
    const id = await registry.register('a-value', doors.schema)
    assert.deepEqual(await registry.latest('a-value'), { id, version: 1, text: JSON.stringify(doors.schema) })
    const schema = (await registry.resolve([id])).get(id)
    assert.ok(schema?.kind === 'avro' && 'fields' in schema.record)
    assert.deepEqual(
      schema.record.fields.map(({ name }) => name),
      doors.schema.fields.map(({ name }) => name),
    )
  })

  test('registers the same schema once', async () => {
    const registry = open(server().url)
    const ids = [await registry.register('b-value', doors.schema), await registry.register('b-value', doors.schema)]
    assert.equal(ids[0], ids[1])
    assert.equal((await registry.find('b-value', doors.schema))?.version, 1)
  })

  test('checks by the level of the subject, and refuses to register an incompatible schema', async () => {
    const registry = open(server().url)
    await registry.register('c-value', doors.schema)
    await fetch(`${server().url}/config/c-value`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"compatibility":"BACKWARD"}',
    })
    assert.deepEqual(await registry.judge('c-value', withFields(optional)), {
      compatible: true,
      level: 'BACKWARD',
      reasons: [],
    })
    assert.equal((await registry.judge('c-value', withFields(required))).compatible, false)
    await assert.rejects(
      registry.register('c-value', withFields(required)),
      (error) => isEngineError(error, 'SCHEMA_MISMATCH') && error.message.includes("'c-value'"),
    )
    assert.equal((await registry.latest('c-value'))?.version, 1)
  })

  test('accepts the first schema of a subject', async () => {
    assert.equal((await open(server().url).judge('d-value', doors.schema)).compatible, true)
  })

  test('receives two requests for an unknown id, and then none for a while', async () => {
    const clock = quick()
    const registry = open(server().url, { clock })
    const unknown = (await registry.resolve([999_999])).get(999_999)
    assert.deepEqual(unknown, { kind: 'unknown' })
    assert.deepEqual(clock.slept, [limits.registrySecondCheckMs])
    assert.equal((await registry.resolve([999_999])).get(999_999), unknown)
    clock.pass(limits.unknownSchemaMs)
    assert.notEqual((await registry.resolve([999_999])).get(999_999), unknown)
  })

  test.each([0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    'does not know id %i, which is no fault of the registry',
    async (id) => {
      const registry = open(server().url, { timeoutMs: 60_000 })
      assert.deepEqual((await registry.resolve([id])).get(id), { kind: 'unknown' })
    },
  )

  test('returns the same object for a cached schema', async () => {
    const registry = open(server().url)
    const id = await registry.register('e-value', doors.schema)
    const [first, second] = [await registry.resolve([id]), await registry.resolve([id])]
    assert.equal(first.get(id), second.get(id))
  })
})
