import { strict as assert } from 'node:assert'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { storesIn, withLog } from '../../../src/compose/tasks.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { migrate } from '../../../src/sinks/migrate.js'
import { sync } from '../../../src/streams/built-in/sync.js'
import { tidemill } from '../harness.js'
import {
  backups,
  configOf,
  create,
  createOriginal,
  data,
  fill,
  original,
  place,
  records,
  removeAll,
} from './stopped-engine.js'

const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

beforeAll(fill)
afterAll(removeAll)

describe('a backup of a stopped engine', () => {
  test('is one folder with a manifest, readable by owner and group only', async () => {
    const { exit, data: out, said } = await createOriginal()
    assert.equal(exit, 0, said)
    const { backup, log, source, streams } = JSON.parse(out) as {
      backup: string
      log: { topic: string; partition: number; first: number; next: number }[]
      source: object
      streams: { name: string }[]
    }
    assert.equal(backup, original)
    assert.deepEqual(
      log.find(({ topic, partition }) => topic === sync.topic && partition === 1),
      { topic: sync.topic, partition: 1, first: 0, next: records },
    )
    assert.deepEqual(source, { directory: data, running: false })
    assert.ok(streams.some(({ name }) => name === 'doors'))
    for (const path of filesOf(original)) {
      const mode = statSync(path).mode & 0o777
      assert.equal(mode, path.endsWith('keys.json') || path.includes('configuration') ? 0o600 : 0o640, path)
      assert.ok(!readFileSync(path).includes('a secret'), `${path} holds a key itself`)
    }
    assert.deepEqual(
      [
        existsSync(join(original, 'configuration/tidemill.yaml')),
        existsSync(join(original, 'configuration/streams/1/doors.ts')),
      ],
      [true, true],
    )
    assert.deepEqual(readdirSync(backups), ['one'])
  })

  test('restores the same log, keys and tables into an empty directory', async () => {
    const there = join(place, 'there', 'data')
    const { exit, said } = await tidemill(['backup', 'restore', original, '--data', there])
    assert.equal(exit, 0, said)
    for (const path of [`log/${sync.topic}/1/00000000000000000000.segment`, 'keys.json'])
      assert.deepEqual(readFileSync(join(there, path)), readFileSync(join(data, path)), path)
    const warehouse = await storesIn(configOf(there)).openWarehouse()
    const [count] = await warehouse.query<{ n: number | string }>('SELECT count() AS n FROM outcomes FINAL')
    assert.equal(Number(count!.n), 1000)
    await migrate(warehouse)
    await warehouse.close()
    await withLog(configOf(there), [compileStream(sync)], async (log) =>
      assert.deepEqual(await log.bounds({ topic: sync.topic, partition: 1 }), { first: 0, next: records }),
    )
  })

  test('is not restored into a directory that is not empty', async () => {
    const { exit, said } = await tidemill(['backup', 'restore', original, '--data', data])
    assert.equal(exit, 2)
    assert.match(said, /is not empty/)
  })

  test('is listed, with those that cannot be used', async () => {
    mkdirSync(join(backups, '.two.incomplete'))
    const { data: out } = await tidemill(['backup', 'list', '--in', backups, '--json'])
    const listed = (JSON.parse(out) as { backups: { name: string; standing: string; events?: number }[] }).backups
    assert.deepEqual(
      listed.map(({ name, standing, events }) => [name, standing, events]),
      [
        ['.two.incomplete', 'incomplete', undefined],
        ['one', 'whole', records],
      ],
    )
    rmSync(join(backups, '.two.incomplete'), { recursive: true })
  })

  test('with an existing name is not made', async () => {
    const { exit, said } = await create('one')
    assert.equal(exit, 2)
    assert.match(said, /exists/)
  })
})
