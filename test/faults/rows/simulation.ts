import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { packagePath } from '../../../src/config/load.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'

/** What the simulation says with `--json`. */
interface Simulated {
  readonly seeds: number
  readonly events: number
  readonly simulatedHours: number
  readonly met: Readonly<Record<string, number>>
  readonly violated: readonly { readonly seed: number; readonly violations: readonly string[] }[]
  readonly rare: readonly string[]
}

async function run({ size, defer }: FaultRun): Promise<Outcome> {
  const child = spawn(
    process.execPath,
    [packagePath('test/simulation/launch.js'), '--json', ...(size === 'large' ? ['--large'] : [])],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  defer(async () => child.kill())
  const { seeds, events, simulatedHours, met, violated, rare } = JSON.parse(await text(child.stdout)) as Simulated
  return {
    figures: { seeds, violatedSeeds: violated.length, events, simulatedHours, ...met },
    violations: [
      ...violated
        .slice(0, 5)
        .map(({ seed, violations }) => `npm run test:simulation -- --seed ${seed}: ${violations[0]}`),
      ...rare.map((hazard) => `${hazard} was met fewer than a hundred times`),
    ],
  }
}

export const simulation: Fault = {
  name: 'simulation',
  what: 'whole engines over simulated servers: everything fails, from seeds; npm run test:simulation runs it alone',
  presets: ['embedded'],
  proves: [],
  patienceMs: { small: 10 * 60_000, large: 12 * 60 * 60_000 },
  run,
}
