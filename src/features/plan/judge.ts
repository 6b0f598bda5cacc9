import { keySeparator } from '../../base/keys.js'
import { idOf, type CompiledSet } from './compiled-set.js'
import type { Cached } from '../memory/entity-cache.js'
import type { Event } from '../feature.js'
import type { Lookup, Tenant } from './lookup.js'
import { NEWEST } from '../memory/memory.js'
import type { ClockAhead } from './plan.js'
import type { TakenBack } from './taken-back.js'
import {
  accept,
  mostTouched,
  newClock,
  observe,
  timeMarkOf,
  type Candidate,
  type Clock,
  type ClockRules,
  type Evidence,
} from '../memory/time-mark.js'

/**
 * Judges which events are late, and moves the clocks. An event that contradicts others takes them back, before it is
 * judged itself.
 */
/** The list that is taken must not be the one to which later events add. */
const none: readonly ClockAhead[] = []

export class Judge {
  readonly #compiled: CompiledSet
  readonly #lookup: Lookup
  readonly #back: TakenBack
  readonly #rules: ClockRules
  readonly #evidence: Evidence = { candidate: undefined, contradicted: [], settled: [] }
  #ahead: ClockAhead[] = []
  /** Whether the last event changed the clock of its tenant. */
  changed = false
  /** The candidate to which the last event belongs, if the event may be taken back, and the owner of its clock. */
  candidate: Candidate | undefined = undefined
  owner = ''

  constructor(compiled: CompiledSet, lookup: Lookup, back: TakenBack) {
    this.#compiled = compiled
    this.#lookup = lookup
    this.#back = back
    const { latenessMs } = compiled.set
    // A source that judges its own lateness disturbs no other one, so its second leap confirms the first.
    this.#rules = { latenessMs, candidates: compiled.lateBy < 0 ? 4 : 1, copies: compiled.lateBy < 0 }
  }

  isLate(event: Event, index: number, tenant: Tenant, timeMs: number): boolean {
    const { lateBy } = this.#compiled
    const own = lateBy < 0 ? undefined : this.#lookup.entityAt(index, lateBy)
    this.#observe(tenant.clock, tenant, this.#sourceOf(event, index), timeMs, this.#rules, lateBy < 0)
    if (own === undefined) return timeMs < timeMarkOf(tenant.clock) - this.#rules.latenessMs
    const { changed } = this
    const late = this.#isLateByItself(own, tenant, timeMs)
    this.changed = changed
    return late
  }

  /** Whether the last event may be taken back from this entity. */
  takesBack({ copies }: Cached): boolean {
    const last = copies.at(-1)
    return this.candidate !== undefined && last?.id === this.candidate.id && last.owner === this.owner
  }

  takeAhead(): readonly ClockAhead[] {
    const taken = this.#ahead
    if (taken.length === 0) return none
    this.#ahead = []
    return taken
  }

  #sourceOf(event: Event, index: number): string {
    const { kind, columns } = this.#compiled.clock
    if (kind >= 0) return this.#lookup.entityAt(index, kind)?.id ?? ''
    return columns.length === 0 ? '' : (idOf(columns, event, keySeparator) ?? '')
  }

  /** The entity's newest event is its time mark, unless an event far ahead of it may still be taken back. */
  #isLateByItself(entity: Cached, tenant: Tenant, timeMs: number): boolean {
    const { latenessMs } = this.#rules
    this.candidate = undefined
    if (entity.clock === undefined) {
      const newestMs = entity.nums[NEWEST]!
      if (timeMs <= newestMs + latenessMs) return timeMs < newestMs - latenessMs
      entity.clock = { ...newClock(entity.key), confirmedMs: newestMs }
    }
    const { clock } = entity
    this.#observe(clock, tenant, entity.id, timeMs, { ...this.#rules, copies: true }, true)
    const late = timeMs < timeMarkOf(clock) - latenessMs
    if (clock.candidates.every(({ touched }) => touched === undefined)) entity.clock = undefined
    return late
  }

  #observe(clock: Clock, tenant: Tenant, source: string, timeMs: number, rules: ClockRules, reports: boolean): void {
    const evidence = this.#evidence
    this.changed = observe(clock, source, timeMs, rules, evidence)
    const { candidate } = evidence
    if (candidate?.touched !== undefined && candidate.touched.length > mostTouched) accept(clock, evidence)
    this.owner = clock.owner
    this.candidate = candidate?.touched === undefined ? undefined : candidate
    if (evidence.contradicted.length > 0) this.#takeBack(clock, tenant, timeMs, reports)
    if (evidence.settled.length === 0) return
    for (const { id, touched } of evidence.settled) this.#back.keep(tenant, clock.owner, id, touched)
    evidence.settled = []
  }

  #takeBack(clock: Clock, tenant: Tenant, timeMs: number, reports: boolean): void {
    for (const candidate of this.#evidence.contradicted) {
      this.#back.restore(tenant, clock.owner, candidate)
      const { source, newestMs, events } = candidate
      if (reports) this.#ahead.push({ tenant: tenant.clock.owner, source, aheadMs: newestMs - timeMs, events })
    }
    this.#evidence.contradicted = []
  }
}
