import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { notUtf8, otherEncoding, utf8Of, withoutMark } from '../../src/base/utf8.js'

test('text of bytes exists only where they are UTF-8', () => {
  assert.equal(utf8Of(Buffer.from('grün 🚪')), 'grün 🚪')
  assert.equal(utf8Of(Buffer.from('\ufffd')), '\ufffd')
  for (const none of [Buffer.from('grün', 'latin1'), null, undefined]) assert.equal(utf8Of(none), undefined)
})

test.each([
  ['Latin-1', Buffer.from('{"a":"Müller"}', 'latin1'), /byte 0xfc at position 7 .*Latin-1/],
  ['Windows-1252', Buffer.from([0x22, 0x93, 0x61]), /byte 0x93 at position 1 .*Windows-1252/],
  ['UTF-16 with a mark', Buffer.from('\ufeff{"a":1}', 'utf16le'), /UTF-16 \(little endian\)/],
  ['big-endian UTF-16', Buffer.from('{"a":1}', 'utf16le').swap16(), /UTF-16 \(big endian\)/],
  ['gzip', gzipSync('{}'), /gzip/],
  ['zlib', deflateSync('{"a":"some longer text"}'), /deflate/],
  ['half of a surrogate pair', Buffer.from([0xed, 0xa0, 0x80]), /position 0 .*CESU-8/],
  ['overlong bytes', Buffer.from([0x61, 0xc0, 0x80]), /position 1 .*modified UTF-8/],
  ['a cut-off character', Buffer.from([0x61, 0xe2, 0x82]), /ends in the middle/],
])('%s is named', (_, bytes, message) => expect(notUtf8(bytes)).toMatch(message))

test('the named position is the first wrong byte, for any bytes', () => {
  const parts = fc.oneof(
    fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 4 }),
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), (pieces) => {
      const bytes = Buffer.concat(pieces)
      fc.pre(!isUtf8(bytes) && otherEncoding(bytes) === undefined)
      const at = Number(/at position (\d+)/.exec(notUtf8(bytes))?.[1] ?? bytes.length)
      const before = bytes.subarray(0, at)
      const isWhole = isUtf8(before) || at === bytes.length
      assert.ok(isWhole, `${bytes.toString('hex')}: ${notUtf8(bytes)}`)
      if (at < bytes.length)
        for (let end = at + 1; end <= bytes.length; end++) assert.ok(!isUtf8(bytes.subarray(0, end)))
    }),
  )
})

test('no JSON in UTF-8 looks like another encoding', () => {
  for (const text of ['{}', '{"a":1}', ' {"a":1}', '[1]', '"x"', '1', '\n\n\n\n'])
    assert.equal(otherEncoding(Buffer.from(text)), undefined, text)
  assert.equal(otherEncoding(brotliCompressSync('{}')), undefined, 'brotli has no first bytes of its own')
})

test('a byte order mark is dropped', () => {
  assert.equal(withoutMark(Buffer.from('\ufeff{}')).toString(), '{}')
  assert.equal(withoutMark(Buffer.from('{}')).toString(), '{}')
})
