import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { breaks } from './breaks.js'
import type { Outcome } from './run.js'

async function fuzz(...options: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'launch.js'), '--json', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(await text(child.stdout)) as Outcome
}

test(
  'a million records, good and bad: each has one result, and the good ones are scored',
  { timeout: 600_000 },
  async () => {
    const { records, results, violations } = await fuzz()
    expect(violations).toEqual([])
    expect(records).toBe(1_000_000)
    for (const code of ['BAD_JSON', 'BAD_AVRO', 'BAD_FIELD', 'UNKNOWN_SCHEMA', 'UNKNOWN_TENANT', 'TIME_OUT_OF_RANGE'])
      expect(results[`dead letter ${code}`], code).toBeGreaterThan(100)
  },
)

test.each(Object.keys(breaks))('without %s something is violated', { timeout: 120_000 }, async (name) => {
  const { violations } = await fuzz('--records', '50000', '--break', name)
  expect(violations.length).toBeGreaterThan(0)
})
