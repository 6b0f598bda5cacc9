import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { isEngineError, messageOf } from '../../src/base/errors.js'
import { lockDirectory, readLock } from '../../src/base/lock.js'
import type { LockHolder } from '../../src/base/lock.js'

const isLocked = expect.toSatisfy((error: unknown) => isEngineError(error, 'LOCKED'), 'fails with LOCKED') as unknown
const me: LockHolder = { pid: process.pid, startedAt: '2026-01-02T03:04:05.000Z' }

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-lock-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A separate process that tries to hold the directory. */
async function rival(program: string, directory: string): Promise<{ said: string; kill: () => Promise<void> }> {
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  onTestFinished(kill)
  const [said] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { said, kill }
}

async function rivalProgram(): Promise<string> {
  const outfile = join(await scratch(), 'holder.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'lock-holder.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
  })
  return outfile
}

/** Writes a lock file like that of a process that is no longer running. */
const leaveLock = (directory: string, file: object | string): Promise<void> =>
  writeFile(join(directory, 'engine.lock'), typeof file === 'string' ? file : JSON.stringify(file))

test('a directory has one holder, and the error of the second names the holder and its address', async () => {
  const directory = join(await scratch(), 'data')
  const lock = await lockDirectory(directory, me)
  await lock.update({ url: 'http://127.0.0.1:4000' })
  const error: unknown = await lockDirectory(directory, me).catch((reason: unknown) => reason)
  expect(error).toEqual(isLocked)
  for (const text of [directory, String(process.pid), me.startedAt, 'http://127.0.0.1:4000'])
    expect(messageOf(error)).toContain(text)
  expect(await readLock(directory)).toMatchObject({ ...me, url: 'http://127.0.0.1:4000' })
})

test('a released directory is free and contains no file of the lock', async () => {
  const directory = await scratch()
  await (await lockDirectory(directory, me)).release()
  expect(await readLock(directory)).toBeUndefined()
  expect(await readdir(directory)).toEqual([])
  await (await lockDirectory(directory, me)).release()
})

test('another process is refused while the holder runs, and takes over after the holder was killed', async () => {
  const program = await rivalProgram()
  const directory = await scratch()
  const first = await rival(program, directory)
  expect(first.said).toBe('held')
  await expect(lockDirectory(directory, me)).rejects.toEqual(isLocked)
  await first.kill()
  expect(await readLock(directory)).toBeUndefined()
  const lock = await lockDirectory(directory, me)
  expect(await readLock(directory)).toMatchObject(me)
  await lock.release()
})

test('when several processes find a stale lock, one of them takes it', async () => {
  const program = await rivalProgram()
  const directory = await scratch()
  await (await rival(program, directory)).kill()
  const rivals = await Promise.all([0, 1, 2, 3].map(() => rival(program, directory)))
  expect(rivals.map(({ said }) => said).sort()).toEqual(['LOCKED', 'LOCKED', 'LOCKED', 'held'])
})

test('when several processes find it stale at the same moment, one of them takes it', async () => {
  const directory = await scratch()
  await leaveLock(directory, { pid: 2 ** 22 + 1, startedAt: 'once' })
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory, me)))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect((await readdir(directory)).sort()).toEqual(['engine.lock'])
})

test('a process id that now belongs to another process is not the holder', async () => {
  const directory = await scratch()
  await lockDirectory(directory, me)
  const file = JSON.parse(await readFile(join(directory, 'engine.lock'), 'utf8')) as {
    startTicks?: number
    bootId?: string
  }
  if (file.startTicks === undefined) return
  await leaveLock(directory, { ...file, startTicks: file.startTicks - 1 })
  expect(await readLock(directory)).toBeUndefined()
  await leaveLock(directory, { ...file, bootId: 'another boot' })
  expect(await readLock(directory)).toBeUndefined()
  await leaveLock(directory, file)
  expect(await readLock(directory)).toMatchObject(me)
})

test('a lock file without valid content locks nothing', async () => {
  const directory = await scratch()
  await leaveLock(directory, '{"pid": "nobody"')
  const lock = await lockDirectory(directory, me)
  await lock.release()
})

test('an interrupted takeover blocks no process', async () => {
  const directory = await scratch()
  const gone = { pid: 2 ** 22 + 1, startedAt: 'once' }
  await leaveLock(directory, gone)
  await writeFile(join(directory, 'engine.lock.takeover'), JSON.stringify(gone))
  await lockDirectory(directory, me)
  expect((await readdir(directory)).sort()).toEqual(['engine.lock'])
})
