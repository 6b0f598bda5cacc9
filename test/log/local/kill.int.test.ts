import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { openEvents, place, scratch } from './local-log.js'
import { readAll } from '../records.js'

/** The child's program as one file, so that a separate process can run the sources. */
async function program(): Promise<string> {
  const outfile = join(await scratch(), 'child.mjs')
  const checksums = createRequire(import.meta.url).resolve('@node-rs/crc32')
  await build({
    entryPoints: [join(import.meta.dirname, 'append-until-killed.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: { '@node-rs/crc32': checksums },
    external: [checksums],
  })
  return outfile
}

/** Lets the program append, kills it meanwhile, and returns what it had acknowledged. */
async function killAfter(file: string, directory: string, count: number): Promise<Map<number, string>> {
  const child = spawn(process.execPath, [file, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const acknowledged = new Map<number, string>()
  for await (const line of createInterface({ input: child.stdout })) {
    const space = line.indexOf(' ')
    const value = line.slice(space + 1)
    // The kill may truncate the last line.
    if (space > 0 && value.endsWith('x')) acknowledged.set(Number(line.slice(0, space)), value)
    if (acknowledged.size === count) child.kill('SIGKILL')
  }
  await exited
  return acknowledged
}

test('every record that a killed process had acknowledged is at its offset', async () => {
  const file = await program()
  const directory = await scratch()
  const acknowledged = new Map<number, string>()
  for (const count of [150, 300, 1])
    for (const [offset, value] of await killAfter(file, directory, count)) acknowledged.set(offset, value)
  const log = await openEvents(directory)
  const found = await readAll(log, place, 0)
  expect(found.map(({ offset }) => offset)).toEqual(found.map((_, i) => i))
  // A truncated line may contain the beginning of a value.
  for (const [offset, value] of acknowledged) expect(found[offset]!.value!.toString().startsWith(value)).toBe(true)
  expect(acknowledged.size).toBeGreaterThanOrEqual(451)
})
