import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, test } from 'vitest'
import { avsc, count, defineStream, field, hour, mean, ratio, seasonal } from '../../../src/index.js'
import { events, person, stream } from './mistakes.js'

describe('the compiler checks a stream', () => {
  test('a valid stream compiles', () => {
    const features = {
      events,
      in_office: count('1h', { by: 'habit', where: { kind: ['in', 'out'], lat: { atLeast: 1 }, method: 'nfc' } }),
      noon: hour('occurred_at', { offset: 'utc_offset_min' }),
      season: seasonal('lat', 'occurred_at', { by: 'person', period: 'day', slots: 24 }),
      share_of_hour: ratio('in_office', 'events'),
    }
    const defined = defineStream({ ...stream, features, heuristic: (x) => (x.share_of_hour > 0.5 ? 1 : 0) })
    assert.equal(defined.features.length, 5)
  })

  test('columns of a schema without a type are checked only at start', () => {
    const untyped = { ...stream, schema: avsc(import.meta.url, '../../../schemas/attendance.avsc') }
    assert.throws(
      () => defineStream({ ...untyped, features: { wrong: mean('latitude', '1h', person) } }),
      /features\.wrong: the schema has no column 'latitude'/,
    )
    const unknownEntity = (): unknown =>
      // @ts-expect-error entities are known without a schema
      defineStream({ ...untyped, features: { wrong: field('lat'), events: count('1h', { by: 'site' }) } })
    assert.throws(unknownEntity, /there is no entity 'site'/)
  })

  test('no mistake in mistakes.ts compiles; the message contains the column and the possible names', () => {
    const text = `
      import { avsc, count, defineStream, mean } from 'tidemill'
      import type { AttendanceEvent } from '../../../src/streams/built-in/events.js'
      defineStream({
        name: 'typed', schema: avsc<AttendanceEvent>('', ''), id: 'event_id', time: 'occurred_at', tenant: 'tenant_id',
        entities: { person: 'person_id' },
        features: { position: mean('latt', '1h', { by: 'person' }), events: count('1h', { by: 'persn' }) },
        heuristic: (x) => x.positions, risk: { high: 0.8, medium: 0.5 },
        outcome: { matureAfter: '14d', silenceMeans: 'genuine' },
      })`
    const [uncaught, messages] = complaints([here('mistakes.ts')], [here('written-by-a-user.ts'), text])
    assert.deepEqual(uncaught, [])
    assert.equal(messages?.length, 3)
    assert.match(messages[0]!, /"number column latt".*Did you mean '"number column lat"'/s)
    assert.match(messages[1]!, /"entity persn".*Did you mean '"entity person"'/s)
    assert.match(messages[2]!, /Property 'positions' does not exist.*Did you mean 'position'/s)
  })
})

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The compiler's messages for each file. A given text replaces the content of the file. */
function complaints(...files: readonly (readonly [file: string, text?: string])[]): readonly (readonly string[])[] {
  const root = here('../../../')
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (name) => ts.sys.readFile(name)) as { config: unknown }
  const { options } = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root)
  const disk = ts.createCompilerHost(options)
  const texts = new Map(files.flatMap(([file, text]) => (text === undefined ? [] : [[file, text]])))
  const program = ts.createProgram(
    files.map(([file]) => file),
    options,
    {
      ...disk,
      readFile: (name) => texts.get(name) ?? disk.readFile(name),
      fileExists: (name) => texts.has(name) || disk.fileExists(name),
      getSourceFile: (name, language) =>
        ts.createSourceFile(name, texts.get(name) ?? disk.readFile(name) ?? '', language),
    },
  )
  return files.map(([file]) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  )
}
