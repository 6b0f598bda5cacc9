import { strict as assert } from 'node:assert'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { test } from 'vitest'
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
        .map((line, i): Line => ({ number: i + 1, text: line.replace(/\r$/, '') }))
        .filter((line) => line.text.trim() !== '')
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
        const lines = words.map((text, i): Line => ({ number: i + 1, text }))
        const batches = await collect(batchesOf(Readable.from(lines) as AsyncIterable<Line>, { records, bytes }))
        assert.deepEqual(batches.flat(), lines)
        for (const batch of batches)
          assert.ok(
            batch.length === 1 ||
              (batch.length <= records &&
                batch.reduce((sum, line) => sum + Buffer.byteLength(line.text) + 1, 0) <= bytes),
          )
      },
    ),
  )
})
