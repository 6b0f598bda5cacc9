import { simulate, type Simulated } from './simulate.js'

/** Tries of a run that was shrunk; each costs a run. */
const tries = 120

/**
 * The run of the seed with as few strikes as can be found that still violates something: strikes are left out in
 * halves, quarters and so on, and stay out where the run goes wrong without them too.
 */
export async function shrink(
  found: Simulated,
): Promise<{ readonly shortest: Simulated; readonly without: ReadonlySet<number> }> {
  let shortest = found
  let without: ReadonlySet<number> = new Set()
  let left = tries
  for (let size = strikesOf(found).length; size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let from = 0; from < strikesOf(shortest).length && left > 0;) {
      const candidate = new Set([...without, ...strikesOf(shortest).slice(from, from + size)])
      left--
      const run = await simulate(found.seed, { without: candidate })
      if (run.violations.length > 0 && strikesOf(run).length < strikesOf(shortest).length) {
        shortest = run
        without = candidate
      } else from += size
    }
  }
  return { shortest, without }
}

const strikesOf = ({ history }: Simulated): number[] => history.flatMap(({ ordinal }) => ordinal ?? [])
