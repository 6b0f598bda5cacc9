import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { diskFailure } from '../../../src/base/disk.js'
import { isEngineError } from '../../../src/base/errors.js'
import { run } from '../../../src/cli/program.js'
import { storesIn } from '../../../src/compose/tasks.js'
import { dataPaths, packagePath } from '../../../src/config/load.js'
import { demandRoom } from '../../../src/consumers/backup/files.js'
import { sync } from '../../../src/streams/built-in/sync.js'
import { screen, tidemill } from '../harness.js'
import { backups, configOf, create, createOriginal, data, fill, original, place, removeAll } from './stopped-engine.js'

beforeAll(async () => {
  await fill()
  await createOriginal()
})
afterAll(removeAll)

describe('a damaged backup', () => {
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

  test('with a changed, cut, missing or additional file names each of them', () =>
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

  test('with a damaged manifest is refused', () =>
    refused((backup) => flip(join(backup, 'backup.json')), 5, /backup\.json: does not have the checksum/))
  test('without a manifest was never finished', () =>
    refused(
      (backup) => ['backup.json', 'backup.json.sha256'].forEach((name) => rmSync(join(backup, name))),
      5,
      /an unfinished one/,
    ))
  test('of a newer build is refused with the name of that build', () =>
    refused((backup) => rewrite(backup, (manifest) => (manifest['format'] = 99)), 3, /in format 99/))
  test('with a path outside its folder is refused', () =>
    refused(
      (backup) =>
        rewrite(backup, (manifest) => ((manifest['files'] as { path: string }[])[0]!.path = '../../etc/passwd')),
      5,
      /backup\.json\/files\/0\/path/,
    ))
})

describe('an interrupted', () => {
  test('backup leaves nothing behind after Ctrl-C', async () => {
    const terminal = screen()
    const running = run(['backup', 'create', '--data', data, '--to', backups, '--name', 'interrupted'], terminal)
    while (!existsSync(join(backups, '.interrupted.incomplete'))) await systemClock.sleep(1)
    terminal.interrupt()
    assert.equal(await running, 130)
    assert.deepEqual(readdirSync(backups), ['one'])
    assert.ok(!existsSync(dataPaths(data).backups))
  })

  test('backup leaves only a recognisable rest after a kill, and the next one succeeds', async () => {
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

  test('restore leaves a directory that no engine opens, and a new restore starts over', async () => {
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

  test('backup reports a full disk', async () => {
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
