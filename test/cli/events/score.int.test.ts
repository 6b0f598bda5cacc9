import { strict as assert } from 'node:assert'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { caseAt } from '../../cases.js'
import { tidemill } from '../harness.js'

const streams = caseAt('streams')
let directory: string
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'tidemill-score-'))))
afterAll(() => rm(directory, { recursive: true }))

interface Summary {
  readonly predictions: number
  readonly deadLetters: number
  readonly firstDeadLetters: readonly { readonly line: number; readonly code: string; readonly message: string }[]
}

/** Scores a file with the stream of the cases. */
async function scored(file: string): Promise<Summary> {
  const out = join(directory, 'out.ndjson')
  const ran = await tidemill(
    ['score', '--stream', 'pay', '--streams', `${streams!}/pay.ts`, '--in', file, '--out', out, '--json'],
  ) // prettier-ignore
  assert.equal(ran.exit, 0, ran.said)
  return JSON.parse(ran.data) as Summary
}

/** Runs where the cases are. */
const onCase = (name: string, title: string, act: (path: string) => Promise<void>): void =>
  test(`${name}: ${title}`, async () => {
    const path = streams === undefined ? undefined : caseAt(name)
    if (path !== undefined) await act(path)
  })

describe('a file with a line that is no event is scored to its end', () => {
  onCase('deep-json/events.ndjson', 'the deep line is one dead letter', async (path) => {
    const { predictions, firstDeadLetters } = await scored(path)
    assert.equal(predictions, 2)
    assert.deepEqual(
      firstDeadLetters.map(({ line, code }) => [line, code]),
      [[2, 'BAD_FIELD']],
    )
  })

  onCase('latin1/events.ndjson', 'two names that differ in one byte become no entity', async (path) => {
    const { predictions, deadLetters, firstDeadLetters } = await scored(path)
    assert.deepEqual([predictions, deadLetters], [0, 2])
    for (const { code, message } of firstDeadLetters) assert.match(`${code} ${message}`, /^BAD_JSON .*Latin-1/)
  })

  onCase('iso-offset/events.ndjson', 'the times that name no moment are dead letters', async (path) => {
    const wrong = (await scored(path)).firstDeadLetters.filter(({ code }) => code === 'BAD_FIELD')
    assert.deepEqual(
      wrong.map(({ line }) => line),
      [6, 12],
    )
    assert.match(wrong[0]!.message, /no zone/)
    assert.match(wrong[1]!.message, /no day 30/)
  })
})

test.each([
  ['gzip', gzipSync('{"a":1}'), /looks like gzip.*decompress it first/],
  ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le'), /looks like UTF-16.*iconv/],
])('a file in %s is refused with its name by score and by produce', async (name, bytes, message) => {
  const file = join(directory, `events.${name}`)
  await writeFile(file, bytes)
  for (const args of [
    ['score', '--stream', 'sync', '--in', file],
    ['produce', file, '--stream', 'sync', '--url', 'http://127.0.0.1:1', '--key', 'tm_x'],
  ]) {
    const ran = await tidemill(args)
    assert.equal(ran.exit, 1)
    assert.match(ran.said, message)
  }
})
