import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openKeys } from '../../../src/api/keys/key-file.js'
import { run } from '../../../src/cli/program.js'
import { systemClock } from '../../../src/base/clock.js'
import { dataPaths, loadConfig, packagePath, type Config } from '../../../src/config/load.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { demandRoom } from '../../../src/consumers/backup/files.js'
import { diskFailure } from '../../../src/base/disk.js'
import { isEngineError } from '../../../src/base/errors.js'
import { migrate } from '../../../src/sinks/migrate.js'
import { sync } from '../../../src/streams/built-in/sync.js'
import { storesIn, withLog } from '../../../src/compose/tasks.js'
import { screen, tidemill } from '../harness.js'

const place = mkdtempSync(join(tmpdir(), 'tidemill-backups-'))
const data = join(place, 'data')
const backups = join(place, 'backups')
const original = join(backups, 'one')
/** Of stream sync, in one partition. */
const records = 500

const configOf = (directory: string): Config => loadConfig({ variables: {}, flags: { dataDirectory: directory } })
const create = (name: string, ...more: string[]) =>
  tidemill(['backup', 'create', '--data', data, '--to', backups, '--name', name, ...more])
const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

beforeAll(async () => {
  const config = configOf(data)
  await withLog(config, [compileStream(sync)], async (log) => {
    const value = Buffer.from('{}'.padEnd(2_000))
    for (let sent = 0; sent < records; sent += 100)
      await log.append(
        { topic: sync.topic, partition: 1 },
        Array.from({ length: 100 }, () => ({ key: null, value })),
      )
  })
  const warehouse = await storesIn(config).openWarehouse()
  await migrate(warehouse)
  await warehouse.run(
    `INSERT INTO outcomes (tenant, stream, event_id, label, source, record_time) SELECT 'acme', 'sync', ` +
      `toString(number), 1, 'review', now64(3) FROM numbers(1000)`,
  )
  await warehouse.run(
    `INSERT INTO progress (table_name, topic, partition, next) SELECT 'predictions', '${sync.topic}', 1, ${records}`,
  )
  await warehouse.close()
  await openKeys(dataPaths(data).keys, systemClock).create({ name: 'gate 4', tenant: 'acme', scopes: ['read'] })
  writeFileSync(dataPaths(data).demoKey, 'a secret')
  mkdirSync(join(place, 'streams'))
  writeFileSync(join(place, 'tidemill.yaml'), `dataDirectory: ${data}\nstreams:\n  paths: [./streams]\n`)
  for (const name of ['doors.ts', 'doors.avsc'])
    writeFileSync(
      join(place, 'streams', name),
      readFileSync(packagePath(`test/fixtures/${name}`), 'utf8').replace(/'[^']*src\/index\.js'/, `'tidemill'`),
    )
})
afterAll(() => rmSync(place, { recursive: true, force: true }))

describe('a backup of a stopped engine', () => {
  test('is one folder that says what it holds, for its owner and group alone', async () => {
    const {
      exit,
      data: out,
      said,
    } = await tidemill([
      'backup',
      'create',
      '--config',
      join(place, 'tidemill.yaml'),
      '--to',
      backups,
      '--name',
      'one',
      '--json',
    ])
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

  test('fills an empty directory with the same log, keys and tables', async () => {
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

  test('is not restored over anything', async () => {
    const { exit, said } = await tidemill(['backup', 'restore', original, '--data', data])
    assert.equal(exit, 2)
    assert.match(said, /is not empty/)
  })

  test('is listed, beside those that cannot be used', async () => {
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

  test('that exists is not made again', async () => {
    const { exit, said } = await create('one')
    assert.equal(exit, 2)
    assert.match(said, /exists/)
  })
})

describe('a backup that was touched', () => {
  const segment = `log/${sync.topic}/1/00000000000000000000.segment`
  /** Verifies and restores a copy that was harmed: both name what is wrong, and nothing is restored. */
  async function refused(harm: (backup: string) => void, exit: number, says: RegExp): Promise<void> {
    const backup = join(place, 'harmed')
    rmSync(backup, { recursive: true, force: true })
    cpSync(original, backup, { recursive: true })
    harm(backup)
    for (const args of [
      ['verify', backup],
      ['restore', backup, '--data', join(place, 'nowhere')],
    ]) {
      const ran = await tidemill(['backup', ...args])
      assert.equal(ran.exit, exit, ran.said)
      assert.match(ran.said, says)
    }
    assert.ok(!existsSync(join(place, 'nowhere')))
  }
  const flip = (path: string): void => {
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(path, bytes)
  }
  const rewrite = (backup: string, change: (manifest: Record<string, unknown>) => void): void => {
    const manifest = JSON.parse(readFileSync(join(backup, 'backup.json'), 'utf8')) as Record<string, unknown>
    change(manifest)
    const text = JSON.stringify(manifest)
    writeFileSync(join(backup, 'backup.json'), text)
    writeFileSync(
      join(backup, 'backup.json.sha256'),
      `${createHash('sha256').update(text).digest('hex')}  backup.json\n`,
    )
  }

  test('by a flipped bit, a cut, a loss or an addition names each of the files', () =>
    refused(
      (backup) => {
        flip(join(backup, segment))
        truncateSync(join(backup, 'models/sync-conflict/global/v001/model.onnx'), 100)
        rmSync(join(backup, 'keys.json'))
        appendFileSync(join(backup, 'log', 'more'), 'x')
      },
      5,
      new RegExp(
        `keys.json: is missing[^]*${segment}: was changed[^]*model.onnx: has 100 bytes[^]*log/more: is not ` +
          'in the manifest',
      ),
    ))

  test('in its manifest is refused', () =>
    refused((backup) => flip(join(backup, 'backup.json')), 5, /backup\.json: does not have the checksum/))
  test('and has no manifest was never finished', () =>
    refused(
      (backup) => ['backup.json', 'backup.json.sha256'].forEach((name) => rmSync(join(backup, name))),
      5,
      /an unfinished one/,
    ))
  test('and comes from a newer build is refused with that build', () =>
    refused((backup) => rewrite(backup, (manifest) => (manifest['format'] = 99)), 3, /in format 99/))
  test('to lead out of its folder is refused', () =>
    refused(
      (backup) =>
        rewrite(backup, (manifest) => ((manifest['files'] as { path: string }[])[0]!.path = '../../etc/passwd')),
      5,
      /backup\.json\/files\/0\/path/,
    ))
})

describe('what is cut short', () => {
  test('by Ctrl-C leaves nothing behind', async () => {
    const terminal = screen()
    const running = run(['backup', 'create', '--data', data, '--to', backups, '--name', 'interrupted'], terminal)
    while (!existsSync(join(backups, '.interrupted.incomplete'))) await systemClock.sleep(1)
    terminal.interrupt()
    assert.equal(await running, 130)
    assert.deepEqual(readdirSync(backups), ['one'])
    assert.ok(!existsSync(dataPaths(data).backups))
  })

  test('by a kill leaves what everybody sees is no backup, and the next one is made', async () => {
    const child = spawn(
      process.execPath,
      [packagePath('dist/cli/launch.cjs'), 'backup', 'create', '--data', data, '--to', backups, '--name', 'killed'],
      { stdio: 'ignore' },
    )
    while (!existsSync(join(backups, '.killed.incomplete'))) await systemClock.sleep(5)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.deepEqual(readdirSync(backups).sort(), ['.killed.incomplete', 'one'])
    assert.equal((await tidemill(['backup', 'verify', join(backups, '.killed.incomplete')])).exit, 5)
    assert.equal((await create('after')).exit, 0)
  })

  test('while it is restored is no data directory: no engine opens it, and a restore begins anew', async () => {
    const half = join(place, 'half')
    mkdirSync(join(half, 'log', 'rest'), { recursive: true })
    writeFileSync(dataPaths(half).restoring, '{}')
    await assert.rejects(
      async () => storesIn(configOf(half)).openLog(),
      (error) => isEngineError(error, 'BAD_CONFIG') && /interrupted/.test(error.message),
    )
    const { exit, said } = await tidemill(['backup', 'restore', original, '--data', half])
    assert.equal(exit, 0, said)
    assert.deepEqual([existsSync(join(half, 'log', 'rest')), existsSync(dataPaths(half).restoring)], [false, false])
  })

  test('by a full disk says so', async () => {
    await assert.rejects(
      demandRoom(place, 2 ** 60),
      (error) => isEngineError(error, 'DISK_FULL') && /MiB are needed/.test(error.message),
    )
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    })
    assert.ok(isEngineError(diskFailure(full, place), 'DISK_FULL'))
  })
})
