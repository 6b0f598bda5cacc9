import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SchemaRegistry as NodeRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import { afterEach, describe, expect, test } from 'vitest'
import { missingPython, runPython } from '../../../scripts/services/python.js'
import { systemClock } from '../../../src/base/clock.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { decodeChunk, readersFor } from '../../../src/consumers/ground/decode.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { LogRecord } from '../../../src/log/event-log.js'
import { openSchemaRegistry, type SchemaRegistry } from '../../../src/streams/registry/confluent/registry.js'
import { subjectOf } from '../../../src/streams/codec/schema-source.js'
import type { AvroRecord } from '../../../src/contracts/streams.js'
import { wireHeader } from '../../../src/streams/codec/wire.js'
import { doors } from '../../fixtures/doors.js'
import { registryServer } from '../../streams/registry/registry-server.js'
import { engineHarness, monday, passes } from '../engine-harness.js'

/** The first run on a machine installs packages. */
const pipTimeoutMs = 5 * 60_000

const server = registryServer()
const stream = compileStream(doors)
const subject = subjectOf(doors)

let registry: SchemaRegistry | undefined
afterEach(() => registry?.close())
const open = (): SchemaRegistry =>
  (registry = openSchemaRegistry({ url: server().url, clock: systemClock, timeoutMs: 2_000 }))

/** Two versions that a stream of today must read: one from before `door`, one that dropped it and knows more. */
const older: AvroRecord = { ...doors.schema, fields: doors.schema.fields.filter(({ name }) => name !== 'door') }
const newer: AvroRecord = {
  ...older,
  fields: [...older.fields, { name: 'colour', type: ['null', 'string'], default: null }],
}

const written = (id: number, schema: AvroRecord, event: object): Buffer =>
  Buffer.concat([wireHeader(id), avro.Type.forSchema(schema as unknown as avro.Schema).toBuffer(event)])
const records = (values: readonly Buffer[]): LogRecord[] =>
  values.map((value, offset) => ({
    offset,
    timestampMs: monday + 86_400_000,
    key: Buffer.from('acme'),
    value,
    headers: {},
  }))

describe('a chunk of old and new producers at once', () => {
  test('is read in every format, and records that cannot be read become dead letters with a reason', async () => {
    const source = open()
    const [first, own, last] = [
      await source.register(subject, older),
      await source.register(subject, doors.schema),
      await source.register(subject, newer),
    ]
    const badgeless = { ...doors.schema, fields: doors.schema.fields.filter(({ name }) => name !== 'badge') }
    const foreign = await source.register('elsewhere-value', badgeless)
    const [a, b, c, d, e, f, g] = passes(7) as [object, object, object, object, object, object, object]
    const { codec } = stream
    const chunk = records([
      written(first, older, a),
      codec.encodeWire(own, { ...b, door: 'd1' }),
      written(last, newer, { ...c, colour: 'red' }),
      codec.encodeJson({ ...d }),
      codec.encodeAvro({ ...e }),
      written(foreign, badgeless, f),
      codec.encodeWire(876_543, { ...g }),
    ])
    const decoded = decodeChunk(stream, 'any', chunk, await readersFor(stream, chunk, source))
    assert.deepEqual(decoded.events, [{ ...a, door: null }, { ...b, door: 'd1' }, { ...c, door: null }, d, e])
    assert.deepEqual(
      decoded.dead.map(({ record, code, stage }) => [record.offset, code, stage]),
      [
        [5, 'SCHEMA_MISMATCH', 'decode'],
        [6, 'UNKNOWN_SCHEMA', 'decode'],
      ],
    )
    expect(decoded.dead[0]!.reason).toMatch(new RegExp(`schema id ${foreign} .*'doors-value'.* no field 'badge'`))
    expect(decoded.dead[1]!.reason).toMatch(/schema id 876543.*'doors-value'/)
  })

  test('does not ask the registry where no record is in the wire format', async () => {
    const chunk = records(passes(3).map((event) => stream.codec.encodeJson(event)))
    const nobody = { resolve: () => assert.fail('the registry was asked') }
    assert.equal(decodeChunk(stream, 'any', chunk, await readersFor(stream, chunk, nobody)).events.length, 3)
  })

  test('without a registry has a dead letter for each record in the wire format', async () => {
    const chunk = records([stream.codec.encodeWire(1, passes(1)[0]!)])
    const { dead } = decodeChunk(stream, 'any', chunk, await readersFor(stream, chunk, undefined))
    assert.deepEqual(
      dead.map(({ code }) => code),
      ['UNKNOWN_SCHEMA'],
    )
    assert.match(dead[0]!.reason, /no registry is configured/)
  })
})

describe('a producer in another language', () => {
  const [file, requirements, schema] = ['python/produce_avro.py', 'python/requirements.txt', 'doors.avsc'].map((name) =>
    fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url)),
  ) as [string, string, string]
  const missing = missingPython(requirements)

  test(
    'in Python, with the serializer of Confluent, writes events that are read as they were written',
    async ({ skip }) => {
      if (missing !== undefined) {
        process.stderr.write(`\n!!! NOT RUN: a producer in Python: ${missing}\n\n`)
        skip(missing)
      }
      const events = passes(5)
      const lines = join(await mkdtemp(join(tmpdir(), 'tidemill-python-')), 'events.ndjson')
      await writeFile(lines, events.map((event) => JSON.stringify(event)).join('\n'))
      const output = await runPython({
        file,
        requirements,
        args: ['--registry', server().url, '--topic', 'python-doors', '--schema', schema, '--events', lines],
      })
      const written = output.trimEnd().split('\n')
      const summary = JSON.parse(written.pop()!) as { delivered: number; schema_id: number }
      assert.equal(summary.delivered, 5)
      const chunk = records(written.map((hex) => Buffer.from(hex, 'hex')))
      const source = open()
      assert.equal((await source.latest('python-doors-value'))?.id, summary.schema_id)
      const decoded = decodeChunk(stream, 'any', chunk, await readersFor(stream, chunk, source))
      assert.deepEqual([decoded.events, decoded.dead], [events, []])
    },
    pipTimeoutMs,
  )
})

/** The subjects and versions that a schema refers to. */
type References = { name: string; subject: string; version: number }[]

describe('a producer in Node, with @kafkajs/confluent-schema-registry', () => {
  const { schema } = doors
  const withField = (name: string, type: unknown): object => ({
    ...schema,
    fields: schema.fields.map((field) => (field.name === name ? { ...field, type } : field)),
  })
  const reader = { type: 'record', name: 'Reader', namespace: 'test', fields: [{ name: 'serial', type: 'string' }] }

  test('writes events that are read as they were written, with every schema that it registers', async () => {
    const client = new NodeRegistry({ host: server().url })
    const register = async (subject: string, written: object, references: References = []): Promise<number> => {
      const given = { type: SchemaType.AVRO as const, schema: JSON.stringify(written), references }
      return (await client.register(given, { subject })).id
    }
    await register('node-reader', reader)
    const [own, nullable, micros, referring] = await Promise.all([
      register('node-doors', schema),
      register('node-nullable', withField('badge', ['null', 'string'])),
      register('node-micros', withField('at', { type: 'long', logicalType: 'timestamp-micros' })),
      register('node-referring', { ...schema, fields: [{ name: 'reader', type: 'test.Reader' }, ...schema.fields] }, [
        { name: 'test.Reader', subject: 'node-reader', version: 1 },
      ]),
    ])
    const [a, b, c, d, e] = passes(5) as [object, object, Readonly<Record<'at', number>>, object, object]
    const chunk = records([
      await client.encode(own, a),
      await client.encode(nullable, b),
      await client.encode(micros, { ...c, at: c.at * 1_000 + 999 }),
      await client.encode(referring, { ...d, reader: { serial: 'r-17' } }),
      await client.encode(nullable, { ...e, badge: null }),
    ])
    const decoded = decodeChunk(stream, 'any', chunk, await readersFor(stream, chunk, open()))
    assert.deepEqual(decoded.events, [a, b, c, d])
    assert.deepEqual(
      decoded.dead.map(({ record, code }) => [record.offset, code]),
      [[4, 'BAD_FIELD']],
    )
    expect(decoded.dead[0]!.reason).toMatch(/badge/)
  })
})

describe('while the registry is unreachable', () => {
  test('a chunk waits, and none of its records becomes a dead letter', async () => {
    const source = open()
    const id = await source.register(subject, doors.schema)
    source.close()
    const fresh = open()
    await server().stop()
    const harness = await engineHarness()
    await harness.append(passes(40).map((event) => stream.codec.encodeWire(id, event)))
    const waited: unknown[] = []
    let called: () => void
    const waits = new Promise<void>((resolve) => (called = resolve))
    const flow = await harness.score({ schemas: fresh, onRetry: (_, error) => (waited.push(error), called()) })
    await waits
    assert.ok(waited.every((error) => isEngineError(error, 'REGISTRY_DOWN')))
    assert.deepEqual([await harness.seen(), await harness.deadLetters()], [new Map(), []])
    await server().startAgain()
    await flow.caughtUp()
    await flow.stop()
    assert.equal((await harness.seen()).size, 40)
    assert.deepEqual(await harness.deadLetters(), [])
  })

  test('a partition that is revoked stops waiting', async () => {
    const nowhere = openSchemaRegistry({ url: 'http://127.0.0.1:1', clock: systemClock })
    const harness = await engineHarness()
    await harness.append([stream.codec.encodeWire(1, passes(1)[0]!)])
    let called: () => void
    const waits = new Promise<void>((resolve) => (called = resolve))
    const flow = await harness.score({ schemas: nowhere, onRetry: () => called() })
    await waits
    await flow.stop()
    assert.deepEqual([await harness.seen(), await harness.deadLetters()], [new Map(), []])
  })
})
