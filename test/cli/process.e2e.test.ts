import { strict as assert } from 'node:assert'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { packagePath } from '../../src/config/load.js'
import { answering } from './harness.js'

/** The program as it is installed; `npm test` builds it first. */
const program = packagePath('dist/cli/launch.cjs')
const directory = mkdtempSync(join(tmpdir(), 'tidemill-process-'))

describe('the installed program', () => {
  test('ends quietly when the reader closes the pipe', () => {
    const events = join(directory, 'events.ndjson')
    const line = (id: number): string =>
      JSON.stringify({
        event_id: `e${id}`,
        tenant_id: 'acme',
        user_id: 'u',
        domain: 'task',
        synced_at: 1_767_686_400_000 + id,
      })
    writeFileSync(events, Array.from({ length: 5_000 }, (_, id) => line(id)).join('\n'))
    const script =
      `'${process.execPath}' '${program}' score --stream sync --in '${events}' --out - | head -n 1; echo ` +
      `"\${PIPESTATUS[0]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
    const [first, exit] = stdout.trimEnd().split('\n')
    assert.equal((JSON.parse(first!) as { event_id: string }).event_id, 'e0')
    assert.equal(exit, '0')
    assert.doesNotMatch(stderr, /EPIPE/)
  })

  test('stops waiting for input after Ctrl-C, with exit code 130', async () => {
    const engine = await answering(() => ({ body: { results: [{}] } }))
    const child = spawn(
      process.execPath,
      [program, 'produce', '--stream', 'sync', '--batch', '1', '--url', engine.url, '--key', 'k'],
      { stdio: ['pipe', 'ignore', 'pipe'] },
    )
    child.stdin.write('{"n":1}\n{"n":2}\n')
    while (engine.asked.length === 0)
      await once(child.stderr, 'readable', { signal: AbortSignal.timeout(20) }).catch(() => undefined)
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number | null]
    engine.close()
    assert.equal(code, 130)
  })

  test('has enough threads that slow queries do not block flushes, unless a variable sets the number', () => {
    const pool = (variables: Readonly<Record<string, string>>): string =>
      spawnSync(
        process.execPath,
        [
          '-e',
          `process.argv = [process.execPath, 'tidemill', '--version']; require(${JSON.stringify(program)}); ` +
            `process.stdout.write(process.env.UV_THREADPOOL_SIZE + ' ')`,
        ],
        { encoding: 'utf8', env: { PATH: process.env['PATH'], ...variables } },
      ).stdout.split(' ')[0]!
    assert.equal(pool({}), '16')
    assert.equal(pool({ UV_THREADPOOL_SIZE: '5' }), '5')
  })

  test('loads no engine for a command that needs none', () => {
    const { stdout } = spawnSync(
      process.execPath,
      [
        '-e',
        `process.argv = [process.execPath, 'tidemill', '--version']; require(${JSON.stringify(program)}); ` +
          `process.on('exit', () => ` +
          'process.stdout.write(process.report.getReport().sharedObjects.filter((path) => ' +
          `path.endsWith('.node')).join(' ')))`,
      ],
      { encoding: 'utf8' },
    )
    assert.match(stdout, /^\d+\.\d+\.\d+/)
    assert.doesNotMatch(stdout, /chdb|lmdb|onnxruntime/)
  })
})
