import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { isoTime } from '../../../src/streams/codec/iso-time.js'
import { caseAt } from '../../cases.js'
import { refused } from '../language/refused.js'
import { checkIn, codec, json } from './check-in.js'

const at8 = Date.UTC(2026, 0, 6, 8)

describe('a time is read', () => {
  test.each<[string, number]>([
    ['2026-01-06T08:00:00Z', at8],
    ['2026-01-06T08:00:00.123456+00:00', at8 + 123],
    ['2026-01-06T08:00:00,5Z', at8 + 500],
    ['2026-01-06T09:00:00+0100', at8],
    ['2026-01-06T09:00:00+01', at8],
    ['2026-01-06T02:30:00-05:30', at8],
    ['2026-01-06 08:00:00+00:00', at8],
    ['2026-01-06 08:00:00 +0000', at8],
    ['2026-01-06t08:00:00z', at8],
    ['2026-01-06T08:00Z', at8],
    ['2026-01-06T08:00-00:00', at8],
    ['2026-01-05T24:00:00Z', Date.UTC(2026, 0, 6)],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['2017-01-01T08:59:60+09:00', Date.UTC(2017, 0, 1)],
    ['2015-06-30T23:59:60.9Z', Date.UTC(2015, 6, 1)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
  ])('%s', (text, expected) => assert.equal(isoTime(text), expected))

  test('as JavaScript reads it, for every time that JavaScript writes', () =>
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }), (date) =>
        assert.equal(isoTime(date.toISOString()), date.getTime()),
      ),
    ))
})

describe('a time is refused with the cause', () => {
  test.each([
    ['2026-01-06T08:00:00', /no zone; add Z/],
    ['2026-02-30T08:00:00Z', /2026-02 has 28 days, so there is no day 30/],
    ['2026-13-01T08:00:00Z', /no month 13/],
    ['2026-01-00T08:00:00Z', /no day 00/],
    ['2026-01-06T24:00:01Z', /no hour 24/],
    ['2026-01-06T08:60:00Z', /no minute 60/],
    ['2026-01-06T08:00:60Z', /no second 60; a leap second/],
    ['2026-03-31T23:59:60Z', /no second 60; a leap second/],
    ['2026-01-06T08:00:61Z', /no second 61/],
    ['2026-01-06T08:00:00+24:00', /no offset \+24:00/],
  ])('%s', (text, message) => {
    assert.match(String(isoTime(text)), message)
    refused(() => codec.decode(json({ ...checkIn, occurred_at: text })), 'BAD_FIELD', message, 'occurred_at')
  })

  test.each(['', 'noon', '2026-01-06', '20260106T080000Z', '2026-01-06T08:00:00+1:00', '+2026-01-06T08:00:00Z', '1'])(
    '%j is no time at all',
    (text) => assert.equal(isoTime(text), ''),
  )
})

test('the forms of the case are read, or refused with the cause', () => {
  const path = caseAt('iso-offset/events.ndjson')
  if (path === undefined) return
  const times = readFileSync(path, 'utf8').trim().split('\n')
  assert.deepEqual(
    times.map((line) => {
      const time = isoTime((JSON.parse(line) as { at: string }).at)
      return typeof time === 'number' ? new Date(time).toISOString() : time
    }),
    [
      '2026-01-06T08:00:00.000Z',
      '2026-01-06T08:00:01.123Z',
      '2026-01-06T08:00:02.000Z',
      '2026-01-06T08:00:03.000Z',
      '2026-01-06T08:00:04.000Z',
      'it has no zone; add Z, or an offset such as +01:00',
      '2026-01-06T08:00:06.000Z',
      '2017-01-01T00:00:00.000Z',
      '2026-01-07T00:00:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-01-06T08:00:00.000Z',
      '2026-02 has 28 days, so there is no day 30',
    ],
  )
})
