import { strict as assert } from 'node:assert'
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { dataPaths, packagePath } from '../../../src/config/load.js'
import type { Check } from '../../../src/contracts/checks.js'
import { lockDirectory } from '../../../src/base/lock.js'
import { openLocalLog } from '../../../src/log/local/log.js'
import { answering, tidemill } from '../harness.js'

const directory = (): string => mkdtempSync(join(tmpdir(), 'tidemill-doctor-'))

/** What the doctor finds in a data directory, by the name of the check. */
async function examine(
  data: string,
  ...more: readonly string[]
): Promise<{ readonly exit: number; readonly found: Readonly<Record<string, Check>> }> {
  const ran = await tidemill(['doctor', '--data', data, '--json', ...more])
  const { ok, checks } = JSON.parse(ran.data) as { ok: boolean; checks: readonly Check[] }
  assert.equal(ok, ran.exit === 0)
  return { exit: ran.exit, found: Object.fromEntries(checks.map((check) => [check.name, check])) }
}

/** A log with some records of a stream, closed again. */
async function withEvents(data: string): Promise<string> {
  const log = await openLocalLog({ directory: dataPaths(data).log, clock: systemClock })
  await log.ensure({ topic: 'sync', partitions: 4 })
  for (let i = 0; i < 3; i++)
    await log.append({ topic: 'sync', partition: 0 }, [
      { key: null, value: Buffer.from(`event ${i} ${'.'.repeat(200)}`) },
    ])
  await log.close()
  const folder = join(dataPaths(data).log, 'sync', '0')
  const segment = readdirSync(folder).find((name) => readFileSync(join(folder, name)).includes('event 1'))
  return join(folder, segment!)
}

describe('the doctor', () => {
  test('passes for an empty directory', async () => {
    const { exit, found } = await examine(join(directory(), 'new'))
    assert.equal(exit, 0)
    assert.match(found['streams']!.detail, /attendance \(\d+ features\)/)
    assert.deepEqual([found['log']!.result, found['lock']!.detail], ['skipped', 'free'])
  })

  test('reads every record of a log that no engine holds', async () => {
    const data = directory()
    await withEvents(data)
    const { exit, found } = await examine(data)
    assert.equal(exit, 0, JSON.stringify(found))
    assert.match(found['log']!.detail, /^3 records of 4 partitions are intact$/)
    assert.deepEqual([found['state']!.result, found['warehouse']!.result], ['ok', 'ok'])
  })

  test('fails with exit code 5 when stored bytes were changed, and names the file', async () => {
    const data = directory()
    const segment = await withEvents(data)
    const bytes = readFileSync(segment)
    bytes[bytes.indexOf('event 1') + 3]! ^= 1
    writeFileSync(segment, bytes)
    const { exit, found } = await examine(data)
    assert.equal(exit, 5)
    assert.equal(found['log']!.result, 'failed')
    assert.ok(found['log']!.detail.includes(segment), found['log']!.detail)
  })

  test('fails when other users may read the keys', async () => {
    const data = directory()
    await tidemill(['keys', 'create', '--operator', '--data', data])
    assert.equal((await examine(data)).exit, 0)
    chmodSync(dataPaths(data).keys, 0o644)
    const { exit, found } = await examine(data)
    assert.deepEqual([exit, found['keys']!.result], [5, 'failed'])
    assert.match(found['keys']!.detail, /chmod 600/)
  })

  test('fails when a model differs from its manifest', async () => {
    const models = join(directory(), 'models')
    cpSync(packagePath('models'), models, { recursive: true })
    const [family] = readdirSync(models)
    const [version] = readdirSync(join(models, family!, 'global'))
    const file = join(models, family!, 'global', version!, 'model.onnx')
    assert.equal((await examine(directory(), '--models', models)).found['models']!.result, 'ok')
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('x')]))
    const { exit, found } = await examine(directory(), '--models', models)
    assert.deepEqual([exit, found['models']!.result], [5, 'failed'])
    assert.match(found['models']!.detail, /sha256/)
  })

  test('reports the checks of a running engine, and compares its clock', async () => {
    const data = directory()
    const checks = [{ check: 'log', ok: false, detail: 'disk is full' }]
    const engine = await answering(() => ({
      status: 503,
      body: { ready: false, checks },
      headers: { date: new Date(systemClock.nowMs() - 60_000).toUTCString() },
    }))
    const lock = await lockDirectory(data, { pid: process.pid, startedAt: 'now' })
    await lock.update({ url: engine.url })
    const { exit, found } = await examine(data)
    await lock.release()
    engine.close()
    assert.equal(exit, 5)
    assert.deepEqual(
      [found['engine']!.result, found['engine: log']!.detail, found['clock']!.result, found['stores']!.result],
      ['failed', 'disk is full', 'failed', 'skipped'],
    )
  })

  test('fails when the data directory is a file', async () => {
    const data = join(directory(), 'file')
    writeFileSync(data, '')
    const { exit, found } = await examine(data)
    assert.deepEqual([exit, found['data directory']!.result, found['lock']!.result], [5, 'failed', 'failed'])
  })
})
