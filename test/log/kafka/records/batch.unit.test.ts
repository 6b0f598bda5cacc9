import { describe, expect, test } from 'vitest'
import type { LogRecord, NewRecord } from '../../../../src/log/event-log.js'
import { RecordSet } from '../../../../src/log/kafka/records/batch.js'
import type { Aborted } from '../../../../src/log/kafka/records/batch.js'
import { encodeBatch, recordBound } from '../../../../src/log/kafka/records/encode.js'
import { crc32c } from '@node-rs/crc32'
import { failsWith, textRecord, texts } from '../../records.js'

/** Segment files of a Kafka 4.3 broker, each with three records of a real producer. */
const fixtures: readonly (readonly [codec: string, client: string, base64: string])[] = [
  [
    'gzip',
    'the Java client',
    'AAAAAAAAAAAAAACVAAAAAAIPDbgCAAEAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAAABAAAAAAAAAAAAAx+LCAAAAAAAAP9rYWNg' +
      'YODKTq1UMLjAWpSanF+UomCgMMqgKYNJILUsNa8kPjOFIxPIb2FjYGICx4EhPA4MFUYZNGWgxoEhMA5YWMBxYASPAyOFUQZNGahx' +
      'YAQAj0+BGowEAAA=',
  ],
  [
    'snappy',
    'the Java client',
    'AAAAAAAAAAAAAADXAAAAAALvDgsiAAIAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAAACAAAAAAAAAAAAA4JTTkFQUFkAAAAAAQAA' +
      'AAEAAACSjAlUhAYAAAAKa2V5IDDQBXJlY29yZCAwIP4JAP4JAP4JAP4JAP4JAHoJAEwCEGV2ZW50X2lkCGlkIDCEBgACAiWEADE1' +
      'hAAxMYT+CQD+CQD+CQD+CQD+CQBeCQA2hAEUMYQGAAQEJYQAMjWEADIxhP4JAP4JAP4JAP4JAP4JAF4JADgCEGV2ZW50X2lkCGlk' +
      'IDI=',
  ],
  [
    'lz4',
    'the Java client',
    'AAAAAAAAAAAAAACjAAAAAAIMM8czAAMAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAAADAAAAAAAAAAAAAwQiTRhgQIJjAAAA/weE' +
      'BgAAAAprZXkgMNAFcmVjb3JkIDAgCQD/TfEFAhBldmVudF9pZAhpZCAwhAYAAgKEARUxhAEUMYQBDwkA/0YKhAFhMYQGAAQEhAEV' +
      'MoQBFDKEAQ8JAP9GBoQBUAhpZCAyAAAAAA==',
  ],
  [
    'zstd',
    'the Java client',
    'AAAAAAAAAAAAAACPAAAAAAKlAR8tAAQAAAACAAABi8/laAAAAAGLz+VoAgAAAAAAAAAEAAAAAAAAAAAAAyi1L/0AWJQCAFQDhAYA' +
      'AAAKa2V5IDDQBXJlY29yZCAwIAIQZXZlbnRfaWQIaWQgMIQGAAICMTExhAYABAQyMjILAECGKqAAvAPKQAtA3iqgDDwGKhyuluGi' +
      'WpoBAAA=',
  ],
  [
    'gzip',
    'librdkafka',
    'AAAAAAAAAAAAAACVAAAAAALfgoJ0AAEAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAAx+LCAAAAAAAAANrYWNg' +
      'YODKTq1UMLjAWpSanF+UomCgMMqgKYNJILUsNa8kPjOFIxPIb2FjYGICx4EhPA4MFUYZNGWgxoEhMA5YWMBxYASPAyOFUQZNGahx' +
      'YAQAj0+BGowEAAA=',
  ],
  [
    'snappy',
    'librdkafka',
    'AAAAAAAAAAAAAADDAAAAAAIqCQNaAAIAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAA4wJVIQGAAAACmtleSAw' +
      '0AVyZWNvcmQgMCD+CQD+CQD+CQD+CQD+CQB6CQBMAhBldmVudF9pZAhpZCAwhAYAAgIlhAAxNYQAMTGE/gkA/gkA/gkA/gkA/gkA' +
      'XgkANoQBFDGEBgAEBCWEADI1hAAyMYT+CQD+CQD+CQD+CQD+CQBeCQA4AhBldmVudF9pZAhpZCAy',
  ],
  [
    'lz4',
    'librdkafka',
    'AAAAAAAAAAAAAACjAAAAAAKizXeSAAMAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAAwQiTRhgQIJjAAAA/weE' +
      'BgAAAAprZXkgMNAFcmVjb3JkIDAgCQD/TfEFAhBldmVudF9pZAhpZCAwhAYAAgKEARUxhAEUMYQBDwkA/0YKhAFhMYQGAAQEhAEV' +
      'MoQBFDKEAQ8JAP9GBoQBUAhpZCAyAAAAAA==',
  ],
  [
    'zstd',
    'librdkafka',
    'AAAAAAAAAAAAAACMAAAAAAJv+FkuAAQAAAACAAABi8/laAAAAAGLz+VoAv//////////////////AAAAAyi1L/0AWJUCAFQDhAYA' +
      'AAAKa2V5IDDQBXJlY29yZCAwIAIQZXZlbnRfaWQIaWQgMIQGAAICMTExhAYABAQyMjILAECGKqAAvAPKQAtA3iqgDDwGKhyuluGi' +
      'Wpo=',
  ],
]

const producer = { id: 7, epoch: 0, sequence: 0 }
const encode = (records: readonly NewRecord[]): Buffer => encodeBatch(records, 1_000, producer)

/** Changes a batch's head and updates its checksum. */
function altered(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch)
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}
const based = (batch: Buffer, offset: number): Buffer =>
  altered(batch, (bytes) => bytes.writeBigInt64BE(BigInt(offset), 0))
const transactional = (batch: Buffer): Buffer => altered(batch, (bytes) => bytes.writeInt16BE(0x10, 21))
const marker = (offset: number): Buffer =>
  altered(based(encode([textRecord('abort')]), offset), (bytes) => bytes.writeInt16BE(0x30, 21))

function all(bytes: Buffer, from = 0, aborted: readonly Aborted[] = []): { records: LogRecord[]; end: number } {
  const set = new RecordSet(bytes, 'events/0', from, aborted)
  const records: LogRecord[] = []
  for (
    let record = set.next(from, Infinity);
    record !== undefined && record !== 'full';
    record = set.next(from, Infinity)
  )
    records.push(record)
  return { records, end: set.end }
}

describe('record batches', () => {
  for (const [codec, client, base64] of fixtures)
    test(`${codec} of ${client} can be read`, () => {
      const { records } = all(Buffer.from(base64, 'base64'))
      expect(records).toEqual(
        [0, 1, 2].map((i) => ({
          offset: i,
          timestampMs: 1_700_000_000_000 + i,
          key: Buffer.from(`key ${i}`),
          value: Buffer.from(`record ${i} `.repeat(40)),
          headers: { event_id: Buffer.from(`id ${i}`) },
        })),
      )
    })

  for (const [codec, client, base64] of fixtures)
    test(`${codec} of ${client} that is truncated is damage, not a shorter batch`, () => {
      const bytes = Buffer.from(base64, 'base64')
      const cut = altered(bytes.subarray(0, -9), (batch) => batch.writeInt32BE(batch.length - 12, 8))
      expect(() => all(cut)).toThrow(failsWith('LOG_DAMAGED'))
    })

  test('written records can be read, also with times before 1970 and far apart', () => {
    const given: NewRecord[] = [
      { key: null, value: null, timestampMs: 5 },
      {
        key: Buffer.alloc(0),
        value: Buffer.alloc(200, 1),
        headers: { a: Buffer.alloc(0), ä: Buffer.from('x') },
        timestampMs: 9_007_199_254_740,
      },
      { key: Buffer.from('k'), value: Buffer.alloc(70_000, 2), timestampMs: 0 },
    ]
    const { records, end } = all(encode(given))
    expect(
      records.map(({ key, value, headers, timestampMs }) => ({ key, value, headers: { ...headers }, timestampMs })),
    ).toEqual(given.map((one) => ({ headers: {}, ...one })))
    expect(end).toBe(3)
  })

  test('headers with repeated names, null values and names that are not UTF-8 are read and written as they are', () => {
    const header = (name: string | Buffer, value: string | null) => ({
      name: Buffer.from(name as string),
      value: value === null ? null : Buffer.from(value),
    })
    const allHeaders = [
      header('x-tag', 'one'),
      header('x-tag', 'two'),
      header('nothing', null),
      header('__proto__', 'p'),
      header('constructor', 'c'),
      header(Buffer.from([0xff, 0x00]), 'bin'),
    ]
    const record: NewRecord = { ...textRecord('x'), allHeaders }
    const [read] = all(encode([record])).records
    expect(read!.allHeaders).toEqual(allHeaders)
    expect(Object.entries(read!.headers).map(([name, value]) => [name, value.toString()])).toEqual([
      ['x-tag', 'two'],
      ['nothing', ''],
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['\ufffd\0', 'bin'],
    ])
    expect(encode([record]).length - 61).toBeLessThanOrEqual(recordBound(record))
  })

  test('headers whose names objects know are headers like others', () => {
    const headers = Object.fromEntries(
      ['__proto__', 'constructor', 'toString'].map((name) => [name, Buffer.from(name)]),
    )
    const [read] = all(encode([textRecord('x', { headers })])).records
    expect(Object.keys(read!.headers)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(read!.headers)).toBe(Object.prototype)
    expect(read!.allHeaders).toBeUndefined()
  })

  test('a batch takes at most the bytes of `recordBound`', () => {
    const records = [
      textRecord('a'),
      textRecord('b', { headers: { long: Buffer.alloc(300) }, timestampMs: 9_007_199_254_740 }),
    ]
    expect(encode(records).length - 61).toBeLessThanOrEqual(
      records.reduce((sum, record) => sum + recordBound(record), 0),
    )
  })

  test('a flipped bit is damage', () => {
    const batch = encode([textRecord('x')])
    batch[batch.length - 2]! ^= 1
    expect(() => all(batch)).toThrow(failsWith('LOG_DAMAGED'))
  })

  test('records before the requested offset are skipped', () => {
    expect(texts(all(based(encode(['a', 'b', 'c'].map((text) => textRecord(text))), 10), 11).records)).toEqual([
      'b',
      'c',
    ])
  })

  test('a batch that is truncated in the answer is left for the next request', () => {
    const whole = encode([textRecord('a')])
    const { records, end } = all(Buffer.concat([whole, based(whole, 1).subarray(0, 70)]))
    expect([texts(records), end]).toEqual([['a'], 1])
  })

  test('offsets that compaction removed from the end of a batch are skipped', () => {
    const compacted = altered(encode([textRecord('a')]), (bytes) => bytes.writeInt32BE(9, 23))
    expect(all(compacted).end).toBe(10)
  })

  test('records of an aborted transaction are skipped, later records of the same producer are not', () => {
    const batches = [
      transactional(encode([textRecord('void')])),
      marker(1),
      transactional(based(encode([textRecord('kept')]), 2)),
    ]
    const { records, end } = all(Buffer.concat(batches), 0, [{ producer: 7, first: 0 }])
    expect([texts(records), end]).toEqual([['kept'], 3])
  })

  test('a record that would exceed the bound is left for the next read', () => {
    const set = new RecordSet(encode([textRecord('a'), textRecord('b'.repeat(500))]), 'events/0', 0)
    expect([set.next(0, 100) !== 'full', set.next(0, 100)]).toEqual([true, 'full'])
    expect((set.next(0, 2_000) as LogRecord).offset).toBe(1)
  })
})
