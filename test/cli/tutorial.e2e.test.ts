import { strict as assert } from 'node:assert'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'vitest'
import { packagePath } from '../../src/config/load.js'
import { tidemill } from './harness.js'

/** The files that docs/add-a-stream.md tells a reader to write, written. */
function filesOfTheTutorial(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemill-tutorial-'))
  const page = readFileSync(packagePath('docs/add-a-stream.md'), 'utf8')
  for (const [, name, text] of page.matchAll(/^`([\w./-]+)`\n\n```\w+\n([\s\S]*?)^```/gm)) {
    mkdirSync(dirname(join(directory, name!)), { recursive: true })
    writeFileSync(join(directory, name!), text!)
  }
  return directory
}

test('the stream of the tutorial loads, and scores its events as the page says', async () => {
  const directory = filesOfTheTutorial()
  const [streams, events, predictions] = ['my-streams', 'events.ndjson', 'predictions.ndjson'].map((name) =>
    join(directory, name),
  ) as [string, string, string]
  const checked = await tidemill(['streams', 'check', streams])
  assert.match(checked.data, /^ok door-access: 5 features/)

  const scored = await tidemill([
    'score',
    '--stream',
    'door-access',
    '--streams',
    streams,
    '--in',
    events,
    '--out',
    predictions,
    '--features',
    '--json',
  ])
  assert.equal(scored.exit, 0, scored.said)
  assert.match(scored.said, /^line 7: field 'at' .*\[BAD_FIELD\]\n$/)
  const { events: lines, deadLetters } = JSON.parse(scored.data) as { events: number; deadLetters: number }
  assert.deepEqual([lines, deadLetters], [7, 1])
  const written = readFileSync(predictions, 'utf8')
    .trimEnd()
    .split('\n')
    .map(
      (line) =>
        JSON.parse(line) as { event_id: string; risk: string; version: string; features: Record<string, number> },
    )
  assert.deepEqual(
    written.map(({ event_id, risk }) => `${event_id} ${risk}`),
    ['e1 low', 'e2 low', 'e3 low', 'e4 medium', 'e5 medium', 'e6 high'],
  )
  assert.deepEqual(written[5]!.features, {
    denied_10m: 5,
    doors_10m: 6,
    since_last_s: 30,
    door_denied_share_7d: 1,
    hour: 8,
  })
})

test('check and start both print a mistake in it with file, line and field', async () => {
  const directory = filesOfTheTutorial()
  const file = join(directory, 'my-streams', 'door-access.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replace("distinct('door_id'", "distinct('dor_id'"))
  for (const args of [
    ['streams', 'check', file],
    ['start', '--no-demo', '--ephemeral', '--port', '0', '--streams', file],
  ]) {
    const ran = await tidemill(args)
    assert.equal(ran.exit, 3)
    assert.match(ran.said, /door-access\.ts:\d+: .*doors_10m.*dor_id/)
  }
})

test('the types of its schema are printed for the compiler', async () => {
  const ran = await tidemill(['streams', 'types', join(filesOfTheTutorial(), 'my-streams', 'door-access.avsc')])
  assert.match(
    ran.data,
    new RegExp(
      "import type \\{ Timestamp \\} from 'tidemill'[\\s\\S]*export interface DoorAccessEvent \\{[\\s\\S]*" +
        'readonly at: Timestamp\\n {2}readonly granted: boolean',
    ),
  )
})
