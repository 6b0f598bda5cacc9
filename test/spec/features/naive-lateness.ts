import type { Event, FeatureSet } from '../../../src/features/feature.js'
import { NaiveClock, type Claim, type Revocable } from './naive-clock.js'

export interface FoldedEvent extends Revocable {
  readonly event: Event
  readonly vector: readonly number[]
  /** The confirmed time of its tenant before it. */
  readonly clockMs: number
}

interface Judged {
  readonly late: boolean
  /** Notes from which histories the folded event may be taken back. */
  mayTakeBack(event: FoldedEvent, keys: readonly string[]): void
}

/** The most entities whose histories a claim may hold open. */
const mostTouched = 64

/** Which events are late, in the obvious form. `folded` are the events so far. */
export function naiveLateness(
  set: FeatureSet,
  keyOf: (entity: string, event: Event) => string | undefined,
  folded: readonly FoldedEvent[],
) {
  const { latenessMs, latenessBy } = set
  const tenants = new Map<unknown, NaiveClock>()
  const sources = new Map<string, NaiveClock>()
  const timeOf = (event: Event): number => event[set.time] as number
  const clockOf = (event: Event): NaiveClock => {
    const tenant = event[set.tenant]
    const clock =
      tenants.get(tenant) ?? new NaiveClock(latenessMs, latenessBy === undefined ? 4 : 1, latenessBy === undefined)
    tenants.set(tenant, clock)
    return clock
  }

  const judged = (clock: NaiveClock, claim: Claim | undefined, late: boolean): Judged => ({
    late,
    mayTakeBack(event, keys) {
      if (claim?.open !== true) return
      claim.events.push(event)
      for (const key of keys) {
        const isHeldByAnother = [...tenants.values(), ...sources.values()].some(
          (other) => other !== clock && other.claims.some((one) => one.open && one.touched.has(key)),
        )
        if (isHeldByAnother) continue
        event.revocable.add(key)
        claim.touched.add(key)
      }
    },
  })

  const judge = (event: Event): Judged => {
    const timeMs = timeOf(event)
    const clock = clockOf(event)
    const claim = clock.see(keyOf(set.clock ?? Object.keys(set.entities)[0]!, event) ?? '', timeMs)
    if (claim !== undefined && claim.touched.size > mostTouched) clock.settle()
    const source = latenessBy === undefined ? undefined : keyOf(latenessBy, event)
    if (source === undefined) return judged(clock, claim, timeMs < clock.markMs - latenessMs)
    return judgedByItself(source, timeMs)
  }

  /** Its newest event is the time mark of a source, unless an event far past it may still be taken back. */
  const judgedByItself = (source: string, timeMs: number): Judged => {
    const own = folded.filter((one) => keyOf(latenessBy!, one.event) === source && !one.gone.has(source))
    const newestMs = Math.max(...own.map((one) => timeOf(one.event)))
    let clock = sources.get(source)
    if (clock === undefined && timeMs <= newestMs + latenessMs)
      return { late: timeMs < newestMs - latenessMs, mayTakeBack: () => undefined }
    clock ??= new NaiveClock(latenessMs, 1, true, newestMs)
    sources.set(source, clock)
    const claim = clock.see('itself', timeMs)
    if (claim !== undefined && claim.touched.size > mostTouched) clock.settle()
    const result = judged(clock, claim, timeMs < clock.markMs - latenessMs)
    if (clock.claims.every((one) => !one.open)) sources.delete(source)
    return result
  }

  return { confirmedMs: (event: Event): number => clockOf(event).confirmedMs, judge }
}
