import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { deadLetterRecord, readDeadLetter, redrivenRecord } from '../../../src/consumers/ground/dead-letter-record.js'
import type { Header, LogRecord, NewRecord } from '../../../src/log/event-log.js'

const header = (name: string, value: string | null): Header => ({
  name: Buffer.from(name),
  value: value === null ? null : Buffer.from(value),
})
const given: LogRecord = {
  offset: 7,
  timestampMs: 5,
  key: Buffer.from('k'),
  value: Buffer.from('not json'),
  headers: { 'x-tag': Buffer.from('two'), nothing: Buffer.alloc(0) },
  allHeaders: [header('x-tag', 'one'), header('x-tag', 'two'), header('nothing', null), header('__proto__', 'p')],
}
const from = { topic: 'pay', partition: 3 }

const stored = (record: NewRecord, offset: number) =>
  readDeadLetter({ ...record, headers: record.headers!, offset, timestampMs: 9 })!

test('a dead letter and its redriven event have every header of the record, in order', () => {
  const deadLetter = deadLetterRecord(from, { record: given, code: 'BAD_JSON', reason: 'no', stage: 'decode' }, '1')
  assert.deepEqual(deadLetter.allHeaders!.slice(0, 4), given.allHeaders)
  const read = stored(deadLetter, 0)
  assert.deepEqual([read.topic, read.partition, read.offset, read.code], ['pay', 3, 7, 'BAD_JSON'])
  assert.deepEqual(read.allHeaders, given.allHeaders)
  const again = redrivenRecord(read, 'ann')
  assert.deepEqual(again.allHeaders!.slice(0, 4), given.allHeaders)
  assert.deepEqual(
    again.allHeaders!.slice(4).map(({ name, value }) => [name.toString(), value!.toString()]),
    [
      ['redrive-origin', '7'],
      ['redrive-attempt', '1'],
      ['redrive-by', 'ann'],
    ],
  )
})

test('a second redrive replaces the headers of the first', () => {
  const first = redrivenRecord(
    stored(deadLetterRecord(from, { record: given, code: 'BAD_JSON', reason: 'no', stage: 'decode' }, '1'), 0),
    'ann',
  )
  const record: LogRecord = { ...first, headers: first.headers!, offset: 9, timestampMs: 5 }
  const second = redrivenRecord(
    stored(deadLetterRecord(from, { record, code: 'BAD_JSON', reason: 'no', stage: 'decode' }, '1'), 1),
    'ben',
  )
  const ofName = (name: string) => second.allHeaders!.filter((one) => one.name.toString() === name)
  assert.deepEqual(
    ['redrive-origin', 'redrive-attempt', 'redrive-by'].map((name) => ofName(name).map(({ value }) => String(value))),
    [['7'], ['2'], ['ben']],
  )
})
