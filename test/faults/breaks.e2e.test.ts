import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { packagePath } from '../../src/config/load.js'
import { breaks, broken, isBreak, modulesOf, type BreakName } from './breaks.js'

const names = Object.keys(breaks).filter(isBreak)

test.each(names)('the protection "%s" stands in the built program where it is to be taken out', (name) => {
  for (const module of modulesOf(name)) {
    const text = readFileSync(packagePath(`dist/${module}`), 'utf8')
    expect(broken(name, module, text)).not.toBe(text)
    expect(() => broken(name, module, '')).toThrow('0 times instead of once')
  }
})

/** Runs a fault as `npm run test:faults` does. */
async function faultTest(
  ...options: readonly string[]
): Promise<{ readonly code: number | null; readonly outcome: string }> {
  const child = spawn(process.execPath, [packagePath('test/faults/start.js'), ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let outcome = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, outcome }
}

const proofs: readonly (readonly [BreakName, string])[] = [
  ['checksum', 'read as if nothing were wrong'],
  ['durable-before-ack', 'acknowledged records are lost after kills in mid-append'],
]

test.each(proofs)(
  'without the protection "%s" the fault test of the log fails, and says so',
  { timeout: 180_000 },
  async (name, said) => {
    const { code, outcome } = await faultTest('--only', 'local-log', '--break', name)
    expect(outcome).toContain(said)
    expect(code).toBe(1)
  },
)

test('a name that is none is a mistake of the caller', async () => {
  expect((await faultTest('--only', 'nothing')).code).toBe(2)
  expect((await faultTest('--break', 'nothing')).code).toBe(2)
})
