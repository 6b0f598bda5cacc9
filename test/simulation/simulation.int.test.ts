import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { breaks } from './breaks.js'

const root = join(import.meta.dirname, '..', '..')

interface Outcome {
  readonly seeds: number
  readonly met: Readonly<Record<string, number>>
  readonly digest?: string
  readonly violated: readonly { readonly seed: number; readonly violations: readonly string[] }[]
}

/** What the simulation says; it ends with 5 where something was violated that should not be, or the other way round. */
async function simulation(...options: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'launch.js'), '--json', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout)) as Outcome
}

/** A tenth of the usual size; `npm run test:faults` runs it whole. */
const seeds = 200

test(
  'whatever goes wrong, every event has one result, the undisturbed one, and every hazard is met',
  { timeout: 300_000 },
  async () => {
    const { met, violated } = await simulation('--seeds', String(seeds))
    expect(violated).toEqual([])
    expect(Object.entries(met).filter(([, times]) => times < seeds / 20)).toEqual([])
  },
)

test('a seed is the same run each time, to the byte', { timeout: 120_000 }, async () => {
  const [once, again, other] = await Promise.all([
    simulation('--seed', '7'),
    simulation('--seed', '7'),
    simulation('--seed', '8'),
  ])
  expect(again).toEqual(once)
  expect(other.digest).not.toBe(once.digest)
})

describe('without a protection something is violated', () => {
  const frequent = Object.entries(breaks).filter(([, { provenBy }]) => provenBy === undefined)

  test.each(frequent)('%s', { timeout: 300_000 }, async (name) => {
    const { violated } = await simulation('--break', name, '--seeds', '1000')
    expect(violated.length).toBeGreaterThan(0)
  })

  test('and the protections that few seeds need have a test of their own, and can still be taken out', () => {
    const rare = Object.values(breaks).filter(({ provenBy }) => provenBy !== undefined)
    expect(rare.length).toBe(2)
    for (const { provenBy, file, find } of rare) {
      expect(existsSync(join(root, provenBy!))).toBe(true)
      expect(readFileSync(join(root, file), 'utf8').split(find).length).toBe(2)
    }
  })
})
