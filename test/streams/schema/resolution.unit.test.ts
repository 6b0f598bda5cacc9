import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import type { AvroRecord } from '../../../src/contracts/streams.js'
import { compileReader } from '../../../src/streams/codec/reader.js'
import { avroNode } from '../../../src/streams/schema/avro-node.js'
import { readerSchema, resolve } from '../../../src/streams/schema/resolution.js'
import { columnsOf } from '../../../src/streams/schema/schema.js'

type Result = { readonly value: Readonly<Record<string, unknown>> } | { readonly error: string }

/** One value of one pair of schemas, and what others read. `resolution/make.py` writes the rows. */
interface Row {
  readonly name: string
  readonly reader: AvroRecord
  readonly writer: AvroRecord
  readonly hex: string
  readonly fastavro: Result
  readonly java: Result
}

const { rows } = JSON.parse(readFileSync(new URL('./resolution/resolution.json', import.meta.url), 'utf8')) as {
  readonly rows: readonly Row[]
}

function byEngine({ reader, writer, hex }: Row): Result {
  const read = resolve(readerSchema(reader), avroNode(writer), 'the schema')
  if (typeof read !== 'function') return { error: read.why }
  try {
    return { value: { ...compileReader(columnsOf(reader), new Set())(read(Buffer.from(hex, 'hex'), 0)) } }
  } catch (error) {
    assert.ok(isEngineError(error) && error.disposition === 'dead-letter', String(error))
    return { error: error.message }
  }
}

/** A `float` column holds float32; the others write its values with other digits. */
function like(result: Result, { reader }: Row): unknown {
  if ('error' in result) return 'an error'
  const singles = new Set(columnsOf(reader).flatMap(({ name, isSingle }) => (isSingle ? [name] : [])))
  return Object.fromEntries(
    Object.entries(result.value).map(([name, value]) => [
      name,
      singles.has(name) && typeof value === 'number' ? Math.fround(value) : value,
    ]),
  )
}

/** Where the other two differ, the one that is right, and why. */
const right: Readonly<Record<string, readonly ['fastavro' | 'java', string]>> = {
  'timestamp-micros as time': ['fastavro', 'it converts the unit'],
  'timestamp-micros or null as time or null': ['fastavro', 'it converts the unit'],
  'timestamp-micros as long': ['java', 'a plain long has no unit'],
  'timestamp-micros as double': ['java', 'a plain double has no unit'],
  'date as int': ['java', 'a plain int has no unit'],
  'date as long': ['java', 'a plain long has no unit'],
  'time-millis as int': ['java', 'a plain int has no unit'],
  'uuid as string': ['java', 'a UUID is its text'],
  'a record of another name': ['fastavro', 'the specification compares names'],
  'an extra field: a null default of a string': ['java', "a writer's default changes no bytes"],
}

/** What the engine reads where Avro leaves a unit or a meaning out; `refused` has the words of the message. */
const own: Readonly<Record<string, readonly unknown[] | { readonly refused: RegExp }>> = {
  'timestamp-nanos as time': [1_700_000_000_000, 1_700_000_000_000, -1_700_000_000_001],
  'timestamp-nanos or null as time or null': [null, 1_700_000_000_000, 1_700_000_000_000, -1_700_000_000_001, 0],
  'local-timestamp-millis as time': { refused: /"long" \(local-timestamp-millis\).* has no zone/ },
  'local-timestamp-micros as time': { refused: /"long" \(local-timestamp-micros\).* has no zone/ },
  'local-timestamp-nanos as time': { refused: /"long" \(local-timestamp-nanos\).* has no zone/ },
  'date as time': [0, 19_676 * 86_400_000, -86_400_000],
  'time-millis as time': { refused: /"int" \(time-millis\).* a time of day is no point in time/ },
  'time-micros as time': { refused: /"long" \(time-micros\).* a time of day is no point in time/ },
  'decimal(0) as double': [0, 300, -1, 128],
  'decimal(0) as float': [0, 300, -1, 128],
  'decimal(2) as double': [0, 3, -0.01, 1.28],
  'decimal(2) as float': [0, 3, Math.fround(-0.01), Math.fround(1.28)],
  'fixed decimal(0) as double': [300, -1],
  'fixed decimal(0) as float': [300, -1],
  'fixed decimal(2) as double': [3, -0.01],
  'fixed decimal(2) as float': [3, Math.fround(-0.01)],
  'decimal(0) as string': { refused: /"bytes" \(decimal\), which cannot be read as "string"/ },
  'decimal(2) as string': { refused: /"bytes" \(decimal\), which cannot be read as "string"/ },
  'a field by its name although an alias exists too': ['a'],
}

const names = [...new Set(rows.map(({ name }) => name))]
const rowsOf = (name: string): readonly Row[] => rows.filter((row) => row.name === name)

describe('a schema of a writer is resolved as fastavro and Apache Avro for Java do:', () => {
  test.each(names.filter((name) => own[name] === undefined))('%s', (name) => {
    for (const row of rowsOf(name)) {
      const [fastavro, java] = [like(row.fastavro, row), like(row.java, row)]
      const which = right[name]?.[0]
      if (which === undefined) assert.deepEqual(fastavro, java, 'they differ, and the test does not say who is right')
      assert.deepEqual(like(byEngine(row), row), which === 'fastavro' ? fastavro : java)
    }
  })
})

describe('what Avro leaves open is converted, or refused by name:', () => {
  test.each(Object.entries(own))('%s', (name, expected) => {
    const results = rowsOf(name).map(byEngine)
    if ('refused' in expected)
      for (const result of results) assert.match('error' in result ? result.error : 'it was read', expected.refused)
    else
      assert.deepEqual(
        results.map((result) => ('error' in result ? result.error : result.value['x'])),
        expected,
      )
  })
})

test('the table has every kind of pair, and every exception is one', () => {
  assert.ok(names.length >= 150, `${names.length} pairs`)
  for (const name of [...Object.keys(own), ...Object.keys(right)]) assert.ok(names.includes(name), name)
  for (const name of Object.keys(right))
    assert.ok(
      rowsOf(name).some((row) => {
        const [fastavro, java] = [like(row.fastavro, row), like(row.java, row)]
        return JSON.stringify(fastavro) !== JSON.stringify(java)
      }),
      `${name}: the others agree`,
    )
})
