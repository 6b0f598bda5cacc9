import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { isEngineError } from '../../src/base/errors.js'
import { loadStreams } from '../../src/streams/load.js'
import { isStream } from '../../src/streams/language/define.js'

const schema = {
  type: 'record',
  name: 'Door',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'company', type: 'string' },
    { name: 'door', type: 'string' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'open_s', type: ['null', 'double'], default: null },
  ],
}

/** A stream file of a user, one element per line. */
const doorFile = (changes: Readonly<Record<string, string>> = {}): string => {
  const lines = {
    features_start: '  features: {',
    opens_1h: "    opens_1h: count('1h', { by: 'door' }),",
    open_mean: "    open_mean: mean('open_s', '7d', { by: 'door', tile: '1d' }),",
    features_end: '  },',
    heuristic: '  heuristic: (x: { opens_1h: number }): number => (x.opens_1h > 20 ? 0.9 : 0.1),',
    ...changes,
  }
  return [
    "import { avsc, count, defineStream, mean } from 'tidemill'",
    '',
    'export const doors = defineStream({',
    "  name: 'doors',",
    "  schema: avsc(import.meta.url, './door.avsc'),",
    "  id: 'id',",
    "  time: 'at',",
    "  tenant: 'company',",
    "  entities: { door: 'door' },",
    ...Object.values(lines),
    '  risk: { high: 0.8, medium: 0.5 },',
    "  outcome: { matureAfter: '7d', silenceMeans: 'unknown' },",
    '})',
    '',
  ].join('\n')
}

let folder: string
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const refusal = async (...paths: string[]): Promise<string> => {
  try {
    await loadStreams(paths)
  } catch (error) {
    assert.ok(isEngineError(error, 'BAD_STREAM'), String(error))
    return error.message
  }
  return assert.fail('the streams were loaded')
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-streams-'))
  put('door.avsc', JSON.stringify(schema))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('a stream outside the package', () => {
  test('is one file and one schema, and becomes a stream of the engine', async () => {
    const [doors, ...others] = await loadStreams([put('doors.ts', doorFile())])
    assert.deepEqual(others, [])
    assert.ok(isStream(doors))
    assert.deepEqual(
      [doors.name, doors.topic, doors.key, doors.features.map(({ name }) => name)],
      ['doors', 'doors', 'company', ['opens_1h', 'open_mean']],
    )
    assert.equal(doors.heuristic({ opens_1h: 21 }), 0.9)
  })

  test('is found in a directory that also has helper files', async () => {
    put('windows.ts', "export const hour: `${number}h` = '1h'\n")
    put(
      'doors.ts',
      `import { hour } from './windows.js'\n${doorFile({ opens_1h: "    opens_1h: count(hour, { by: 'door' })," })}`,
    )
    put('doors.test.ts', 'throw new Error("a test is no stream")\n')
    const streams = await loadStreams([folder])
    assert.deepEqual(
      streams.map(({ name }) => name),
      ['doors'],
    )
  })

  test('may be plain JavaScript', async () => {
    const [doors] = await loadStreams([
      put('doors.mjs', doorFile({ heuristic: '  heuristic: (x) => (x.opens_1h > 20 ? 0.9 : 0.1),' })),
    ])
    assert.equal(doors?.name, 'doors')
  })

  test('reads earlier versions of its schema', async () => {
    put('door.1.avsc', JSON.stringify({ ...schema, fields: schema.fields.slice(0, 4) }))
    const [doors] = await loadStreams([put('doors.ts', doorFile())])
    assert.equal(doors?.olderSchemas.length, 1)
  })

  test("of the benchmarks loads like a user's stream", async () => {
    const [bench] = await loadStreams([fileURLToPath(new URL('../../bench/streams/', import.meta.url))])
    assert.deepEqual(
      [bench?.topic, bench?.key, bench?.features.length, bench?.reasonsFrom],
      ['bench', 'person_id', 24, 'never'],
    )
    assert.deepEqual(bench?.entities.site, { columns: ['site_id'], scope: 'partition' })
  })
})

describe('a mistake in it names file, line and field:', () => {
  test('a column that the schema lacks', async () => {
    const file = put(
      'doors.ts',
      doorFile({ open_mean: "    open_mean: mean('opn_s', '7d', { by: 'door', tile: '1d' })," }),
    )
    assert.match(
      await refusal(file),
      new RegExp(
        `^${file}:12: stream 'doors': features\\.open_mean: the schema has no column 'opn_s'; its columns ` +
          `are .*'open_s'`,
      ),
    )
  })

  test('every mistake at once', async () => {
    const file = put(
      'doors.ts',
      doorFile({
        opens_1h: "    opens_1h: count('1h', { by: 'dor' }),",
        open_mean: "    open_mean: mean('door', '7d', { by: 'door', tile: '1d' }),",
      }),
    )
    const lines = (await refusal(file)).split('\n')
    assert.equal(lines.length, 2)
    assert.match(lines[1]!, /doors\.ts:11: .*features\.opens_1h: by: there is no entity 'dor'; there are door/)
    assert.match(lines[0]!, /doors\.ts:12: .*features\.open_mean: column 'door' holds text; mean needs a number/)
  })

  test('a name that the package does not export', async () => {
    const file = put(
      'doors.ts',
      doorFile({ opens_1h: "    opens_1h: counts('1h', { by: 'door' })," }).replace('avsc, count,', 'avsc, counts,'),
    )
    assert.match(await refusal(file), /doors\.ts:11: .*counts.* is not a function/)
  })

  test('a missing schema', async () => {
    rmSync(join(folder, 'door.avsc'))
    assert.match(await refusal(put('doors.ts', doorFile())), /doors\.ts:5: schema .*door\.avsc: ENOENT/)
  })

  test('text that is not TypeScript', async () => {
    assert.match(
      await refusal(put('doors.ts', doorFile({ heuristic: '  heuristic: => 1,' }))),
      /doors\.ts:14: Unexpected "=>"/,
    )
  })

  test('a mistake in a helper is reported with the place in the helper', async () => {
    put('broken.ts', '\nexport const limit = (undefined as unknown as { high: number }).high\n')
    assert.match(
      await refusal(put('doors.ts', `import { limit } from './broken.js'\nvoid limit\n${doorFile()}`)),
      /broken\.ts:2: Cannot read properties of undefined/,
    )
  })

  test('two streams with the same name', async () => {
    const first = put('a.ts', doorFile())
    const second = put('b.ts', doorFile())
    assert.equal(await refusal(folder), `${second}: stream 'doors' has the name or topic of the one in ${first}`)
  })

  test('a file without a stream, and a missing file', async () => {
    const file = put('nothing.ts', 'export const doors = 1\n')
    assert.equal(await refusal(file), `${file}: exports no stream; export the result of defineStream`)
    assert.match(await refusal(join(folder, 'absent.ts')), /absent\.ts: ENOENT/)
  })
})
