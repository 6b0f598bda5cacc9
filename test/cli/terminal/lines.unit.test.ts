import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'vitest'
import { CommandFailed } from '../../../src/cli/terminal/exit.js'
import { batchesOf, linesOf, type Line } from '../../../src/cli/terminal/lines.js'

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const texts = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\u2028', ' ', '\n', '\r\n') }), { maxLength: 30 })
  .map((parts) => parts.join(''))

test('lines are those of the whole text, however its bytes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.array(fc.nat(40), { maxLength: 10 }), async (text, cuts) => {
      const bytes = Buffer.from(text)
      const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
      const pieces = edges.slice(1).map((end, i) => bytes.subarray(edges[i], end))
      const whole = text
        .split('\n')
        .map((line, i): Line => ({ number: i + 1, bytes: Buffer.from(line.replace(/\r$/, '')) }))
        .filter(({ bytes }) => /[^ \t\r]/.test(bytes.toString()))
      assert.deepEqual(await collect(linesOf(Readable.from(pieces, { objectMode: true }))), whole)
    }),
  )
})

test('batches keep every line in order, within their bounds', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 60 }),
      async (words, records, bytes) => {
        const lines = words.map((text, i): Line => ({ number: i + 1, bytes: Buffer.from(text) }))
        const batches = await collect(batchesOf(Readable.from(lines) as AsyncIterable<Line>, { records, bytes }))
        assert.deepEqual(batches.flat(), lines)
        for (const batch of batches)
          assert.ok(
            batch.length === 1 ||
              (batch.length <= records && batch.reduce((sum, line) => sum + line.bytes.length + 1, 0) <= bytes),
          )
      },
    ),
  )
})

test('a byte order mark is no part of the first line, and bytes that are not UTF-8 stay as they are', async () => {
  const bytes = Buffer.from('\ufeff{"a":"M\xfcller"}\n{"b":1}', 'utf8')
  assert.deepEqual(
    (await collect(linesOf(Readable.from([bytes])))).map(({ bytes: line }) => line.toString()),
    ['{"a":"Müller"}', '{"b":1}'],
  )
  const latin = Buffer.from('{"a":"M\xfcller"}\n', 'latin1')
  assert.deepEqual((await collect(linesOf(Readable.from([latin]))))[0]!.bytes, latin.subarray(0, -1))
})

test.each([
  ['UTF-16', Buffer.from('\ufeff{"a":1}\n', 'utf16le'), /UTF-16 \(little endian\).*iconv/],
  ['UTF-16 without a mark', Buffer.from('{"a":1}\n', 'utf16le'), /UTF-16 \(little endian\).*iconv/],
  ['gzip', gzipSync('{"a":1}\n'), /gzip.*decompress/],
])('input in %s is refused with its name', async (_, bytes, message) =>
  assert.rejects(
    collect(linesOf(Readable.from([bytes]))),
    (error) => error instanceof CommandFailed && message.test(error.message),
  ),
)
