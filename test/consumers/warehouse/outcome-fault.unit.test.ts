import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { encodeOutcomes, outcomeFault } from '../../../src/consumers/warehouse/records.js'
import type { LogRecord } from '../../../src/log/event-log.js'

const outcome = { stream: 'doors', tenant: 'acme', event_id: 'e1', label: 1, source: 'review', decidedAtMs: 1 }
const recordOf = (value: Buffer | null): LogRecord => ({ offset: 0, timestampMs: 1, key: null, value, headers: {} })
const json = (change: object): Buffer => Buffer.from(JSON.stringify({ ...outcome, ...change }))

test.each<[string, Buffer | null, RegExp]>([
  ['Latin-1', Buffer.from(JSON.stringify({ ...outcome, event_id: 'Müller' }), 'latin1'), /not UTF-8: byte 0xfc/],
  ['a note that is a number', json({ note: 5 }), /note or by is no text/],
  ['a note of nested lists', Buffer.from(`{"note":${'['.repeat(1e5)}${']'.repeat(1e5)}}`), /lacks a stream/],
  ['an author that is an object', json({ by: {} }), /note or by is no text/],
  ['half of a surrogate pair', json({ event_id: 'e\ud800' }), /half of a surrogate pair/],
  ['no value', null, /no JSON/],
  ['a list', Buffer.from('[]'), /lacks a stream/],
  ['null', Buffer.from('null'), /no JSON/],
])('an outcome with %s is not stored, and the reason is reported', (_, value, message) =>
  assert.match(outcomeFault(recordOf(value)) ?? 'it is stored', message),
)

test('an outcome with and without a note is stored', () => {
  const records = [json({}), json({ note: null }), json({ note: 'was on leave', by: 'k1' })].map(recordOf)
  for (const record of records) assert.equal(outcomeFault(record), undefined)
  const stored = { stream: '', topic: 'outcomes', partition: 0, keyIsTenant: true, records, writtenAtMs: 0 }
  assert.ok(encodeOutcomes([stored]).length > 0)
})
