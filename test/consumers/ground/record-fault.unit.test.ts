import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { EngineError } from '../../../src/base/errors.js'
import { compileStream, type CompiledStream } from '../../../src/consumers/ground/compiled.js'
import { decodeChunk } from '../../../src/consumers/ground/decode.js'
import type { LogRecord } from '../../../src/log/event-log.js'
import { doors } from '../../fixtures/doors.js'
import { monday, passes } from '../engine-harness.js'

const stream = compileStream(doors)

const records: LogRecord[] = passes(3).map((event, offset) => ({
  offset,
  timestampMs: monday + 86_400_000,
  key: null,
  value: Buffer.from(JSON.stringify(event)),
  headers: {},
}))

/** The stream, whose codec throws at the second event. */
const throwing = (what: () => unknown): CompiledStream => ({
  ...stream,
  codec: {
    ...stream.codec,
    decode(value, readers) {
      const event = stream.codec.decode(value, readers)
      if (event['event_id'] === 'acme-1') throw what()
      return event
    },
  },
})

const overflow = (): unknown => {
  const deeper = (n: number): number => 1 + deeper(n + 1)
  try {
    return deeper(0)
  } catch (error) {
    return error
  }
}

describe('what one record makes the code throw makes only that record a dead letter:', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['a full stack', overflow, /RangeError: Maximum call stack/],
    ['a TypeError', () => new TypeError('x is undefined'), /TypeError: x is undefined/],
    ['text', () => 'no', /something that is no error: no/],
    ['nothing', () => undefined, /something that is no error: undefined/],
    ['an error without a message of its own', (): unknown => ({ __proto__: null, a: 1 }), /\{"a":1\}/],
    ['a message of a million characters', () => new Error('x'.repeat(1e6)), /^.{100,400}$/],
  ])('%s', (_, what, reason) => {
    const { events, dead } = decodeChunk(throwing(what), 'any', records)
    assert.deepEqual(
      events.map((event) => event['event_id']),
      ['acme-0', 'acme-2'],
    )
    assert.deepEqual(
      dead.map(({ record, code, stage }) => [record.offset, code, stage]),
      [[1, 'RECORD_FAULT', 'decode']],
    )
    assert.match(dead[0]!.reason, reason)
  })
})

describe('an error that is not about the record makes no dead letter:', () => {
  const ofSystem = (): unknown => {
    try {
      return readFileSync('/missing/file')
    } catch (error) {
      return error
    }
  }
  test.each<[string, () => unknown, RegExp]>([
    ['a dependency', () => new EngineError('STORE_DOWN', 'unreachable'), /unreachable/],
    ['a stop', () => new EngineError('STATE_MISMATCH', 'other plan'), /other plan/],
    ['the operating system', ofSystem, /ENOENT/],
    ['no memory', () => new RangeError('Array buffer allocation failed'), /allocation/],
  ])('%s', (_, what, message) => {
    assert.throws(() => decodeChunk(throwing(what), 'any', records), message)
  })
})
