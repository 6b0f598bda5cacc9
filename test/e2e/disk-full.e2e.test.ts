import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { workloadLines } from '../../bench/engine/workload.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, packagePath } from '../../src/config/load.js'
import { benchOn } from './bench-stream.js'
import { engineProcess } from './engine-process.js'

const run = promisify(execFile)
const preset = { name: 'embedded', variables: { TIDEMILL_PRESET: 'embedded' } } as const
const lacking =
  process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'only root can mount a small disk, on Linux'

/** A file system of its own, in memory and small. */
async function smallDisk(place: string): Promise<void> {
  await mkdir(place)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', place])
  onTestFinished(() => run('umount', ['--lazy', place]).then(() => undefined))
}

/** Takes all the space that is left. */
async function fill(file: string): Promise<void> {
  const ballast = await open(file, 'w')
  const zeros = Buffer.alloc(4_096)
  try {
    for (;;) await ballast.write(zeros)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  } finally {
    await ballast.close()
  }
}

if (lacking !== undefined) process.stderr.write(`\n!!! NOT RUN: the test of a full disk: ${lacking}\n\n`)

/** An engine whose data lies on a small disk, started by `start`. */
async function smallEngine() {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-full-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const disk = join(directory, 'disk')
  await smallDisk(disk)
  const { stream } = await benchOn(preset, directory)
  const { key } = await openKeys(dataPaths(disk).keys, systemClock).create({
    name: 'test',
    tenant: '*',
    scopes: ['events:write', 'read', 'admin'],
  })
  const settings = {
    dataDirectory: disk,
    streams: { builtin: [], paths: [packagePath('bench/streams')] },
    models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
    tenants: 'any',
    demo: { enabled: false },
  }
  const authorization = `Bearer ${key}`
  const lines = workloadLines()
  const acknowledged = new Set<string>()

  async function start() {
    const engine = await engineProcess(preset.variables, directory, settings)
    async function send(count: number): Promise<{ status: number; code: string | undefined }> {
      const some = Array.from({ length: count }, () => lines.next().value as string)
      const answer = await fetch(`${engine.url}/api/v2/events/${stream.stream.name}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/x-ndjson' },
        body: some.join('\n'),
      })
      const body = (await answer.json()) as { code?: string; results?: { event_id: string }[] }
      if (answer.status === 200) for (const { event_id } of body.results!) acknowledged.add(event_id)
      return { status: answer.status, code: body.code }
    }
    async function query<Row>(sql: string): Promise<readonly Row[]> {
      const answer = await fetch(`${engine.url}/api/v2/sql`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ sql }),
      })
      assert.equal(answer.status, 200, await answer.clone().text())
      return ((await answer.json()) as { rows: Row[] }).rows
    }
    const stored = async (): Promise<number> =>
      Number((await query<{ n: number | string }>('SELECT count() AS n FROM predictions_final'))[0]!.n)
    return { engine, send, query, stored }
  }
  return { disk, acknowledged, start }
}

test(
  'on a full disk events are refused with 507 and reads go on; with space again every acknowledged event is ' +
    'scored once',
  { timeout: 180_000 },
  async ({ skip }) => {
    if (lacking !== undefined) skip(lacking)
    const { disk, acknowledged, start } = await smallEngine()
    const { engine, send, query, stored } = await start()

    for (let sent = 0; sent < 2_000; sent += 500) assert.equal((await send(500)).status, 200)
    while ((await stored()) < 2_000) await systemClock.sleep(50)

    const ballast = join(disk, 'ballast')
    await fill(ballast)
    let refused = await send(500)
    for (let tries = 0; refused.status === 200 && tries < 100; tries++) refused = await send(500)
    assert.deepEqual(refused, { status: 507, code: 'DISK_FULL' })
    // Whatever the engine does by itself meets the full disk too: results, state, inserts.
    const before = acknowledged.size
    for (let i = 0; i < 40; i++) {
      assert.equal((await send(500)).status, 507)
      assert.equal((await fetch(`${engine.url}/livez`)).status, 200)
      assert.ok((await stored()) <= before)
      await systemClock.sleep(50)
    }
    assert.equal(acknowledged.size, before)

    await rm(ballast)
    while ((await send(500)).status === 507) await systemClock.sleep(50)
    for (let sent = 0; sent < 2_000; sent += 500) assert.equal((await send(500)).status, 200)
    while ((await stored()) < acknowledged.size)
      await Promise.race([
        systemClock.sleep(50),
        engine.ended.then((code) => assert.fail(`the engine ended with ${code ?? 'a signal'}: ${engine.said()}`)),
      ])
    const seen = new Set<string>()
    // An answer has a thousand rows at most.
    for (let from = 0; from === seen.size && from < acknowledged.size; from += 1_000)
      for (const { event_id } of await query<{ event_id: string }>(
        `SELECT event_id FROM predictions_final ORDER BY event_id LIMIT 1000 OFFSET ${from}`,
      ))
        seen.add(event_id)
    assert.equal(await stored(), acknowledged.size)
    assert.deepEqual(
      [...acknowledged].filter((id) => !seen.has(id)),
      [],
    )
    assert.equal(await engine.end('SIGTERM'), 0, engine.said())
  },
)

test(
  'an engine that stops on a full disk, and one that is to start there, say so and where; with space again it goes on',
  { timeout: 180_000 },
  async ({ skip }) => {
    if (lacking !== undefined) skip(lacking)
    const { disk, acknowledged, start } = await smallEngine()
    const first = await start()
    assert.equal((await first.send(500)).status, 200)
    const ballast = join(disk, 'ballast')
    await fill(ballast)
    const { checks } = (await (await fetch(`${first.engine.url}/readyz`)).json()) as {
      checks: { check: string; ok: boolean; attention?: boolean; detail: string }[]
    }
    const { ok, attention, detail } = checks.find(({ check }) => check === 'disk')!
    assert.deepEqual([ok, attention], [true, true])
    assert.ok(detail.startsWith(`0.0 GiB left for ${disk};`), detail)
    assert.match(await (await fetch(`${first.engine.url}/metrics`)).text(), /^tidemill_disk_free_bytes \d{1,5}$/m)
    assert.equal(await first.engine.end('SIGTERM'), 4, first.engine.said())
    assert.ok(
      first.engine.said().includes(`closing ${disk} (nothing that was acknowledged is lost): no space left`),
      first.engine.said(),
    )

    await assert.rejects(
      start(),
      (error: Error) =>
        error.message.startsWith('the engine ended with 4:') &&
        error.message.includes(`starting an engine in ${disk}: no space left`),
    )
    assert.deepEqual(
      (await readdir(disk)).filter((name) => name.startsWith('engine.lock')),
      [],
    )
    await rm(ballast)
    const second = await start()
    assert.equal((await second.send(500)).status, 200)
    while ((await second.stored()) < acknowledged.size) await systemClock.sleep(50)
    assert.equal(acknowledged.size, 1_000)
    assert.equal(await second.engine.end('SIGTERM'), 0, second.engine.said())
  },
)
