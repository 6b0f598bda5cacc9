import { writeFileSync } from 'node:fs'
import { guardDeterminism } from './guards.js'
import { shrink } from './shrink.js'
import { simulate, type Simulated } from './simulate.js'

/** What a worker is asked: runs of seeds, or the shortest run of one that violates something. */
export type Asked =
  | {
      readonly kind: 'run'
      readonly seeds: readonly number[]
      readonly without: readonly number[]
      readonly trace?: string | undefined
    }
  | { readonly kind: 'shrink'; readonly seed: number }

/** What it answers: a run without its history, which is long, unless something is violated. */
export type Answer =
  | { readonly kind: 'run'; readonly runs: readonly Simulated[] }
  | { readonly kind: 'shrink'; readonly shortest: Simulated; readonly without: readonly number[] }

async function answer(asked: Asked): Promise<Answer> {
  if (asked.kind === 'shrink') {
    const { shortest, without } = await shrink(await simulate(asked.seed))
    return { kind: 'shrink', shortest, without: [...without].sort((a, b) => a - b) }
  }
  const runs: Simulated[] = []
  for (const seed of asked.seeds) {
    const lines: string[] = []
    const run = await simulate(seed, {
      without: new Set(asked.without),
      ...(asked.trace === undefined ? {} : { tell: (line: string) => lines.push(line) }),
    })
    if (asked.trace !== undefined) writeFileSync(asked.trace, `${lines.join('\n')}\n`)
    const violations = [...run.violations, ...unhandled.splice(0)]
    runs.push({ ...run, violations, history: violations.length === 0 ? [] : run.history })
  }
  return { kind: 'run', runs }
}

guardDeterminism()
/** What would end a process of the engine, whichever of the simulated ones it was. */
const unhandled: string[] = []
process.on('unhandledRejection', (error) =>
  unhandled.push(`nobody handled ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
)
process.on('message', (asked: Asked) => {
  void answer(asked).then(
    (given) => process.send!(given),
    (error: unknown) => process.send!({ failed: error instanceof Error ? error.stack : String(error) }),
  )
})
process.on('disconnect', () => process.exit())
