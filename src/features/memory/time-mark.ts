/**
 * The time mark of a tenant: the event time by which lateness is judged. The log alone moves it, and no single event or
 * source does: a time counts when a second source has reached it too.
 *
 * - A source whose event is past the confirmed time mark is a candidate. Candidates are kept in the order of their
 *   times, each more than the lateness after the one before.
 * - An event of another source within the lateness of a candidate confirms the earlier of their two times.
 * - An event past the confirmed time mark, but more than the lateness before a candidate, contradicts that candidate:
 *   its source ran ahead. So a source that returns from the future contradicts itself.
 * - An event that is not past the confirmed time mark is no evidence: sources may upload late.
 * - Where a tenant has only one source, or one source alone goes on for `acceptedEvents` events, the time mark follows
 *   its second newest event, until another source contradicts it. After `finalEvents` events it is confirmed.
 * - Above the permitted number of candidates the earliest is confirmed: events that are always further apart than the
 *   lateness must move the time mark too.
 */
export interface Candidate {
  /** Unique within its clock. */
  readonly id: number
  readonly source: string
  newestMs: number
  /** The second newest time, of this source since it is a candidate; -Infinity with one event. */
  secondMs: number
  events: number
  /** The time mark follows `secondMs`. Only the earliest candidate may. */
  follows: boolean
  /**
   * The entities whose memories were copied before the candidate's events changed them; undefined where these events
   * count for good.
   */
  touched: Touched[] | undefined
}

export interface Touched {
  /** Index of its kind among the plan's entities. */
  readonly kind: number
  readonly id: string
}

export interface Clock {
  /** The tenant's name, or the key of the entity that judges its own lateness. */
  readonly owner: string
  /** Never falls. -Infinity until two sources, or one over a long time, have confirmed a time. */
  confirmedMs: number
  /** The only source so far; undefined before the first event, and when there are several. */
  sole: string | undefined
  several: boolean
  nextId: number
  readonly candidates: Candidate[]
}

export interface ClockRules {
  readonly latenessMs: number
  /** The most candidates of a clock. */
  readonly candidates: number
  /** Whether memories are copied before events far past the time mark change them. */
  readonly copies: boolean
}

/** What one event did to a clock. One object is used for all events. */
export interface Evidence {
  /** The candidate of the event's source to which the event belongs. */
  candidate: Candidate | undefined
  /** Candidates that the event contradicted, the latest first. */
  contradicted: Candidate[]
  /** Candidates whose copies are not needed any more. */
  settled: { readonly id: number; readonly touched: readonly Touched[] }[]
}

/** After so many events of one source alone, its time is believed until another source contradicts it. */
export const acceptedEvents = 16
/** After so many it is believed for good, so that the history of such a tenant is forgotten in time too. */
export const finalEvents = 1_024
/** Above it the events of a tenant's candidates count for good. */
export const mostTouched = 64

export const newClock = (owner: string): Clock => ({
  owner,
  confirmedMs: -Infinity,
  sole: undefined,
  several: false,
  nextId: 0,
  candidates: [],
})

/** The time by which lateness is judged. */
export function timeMarkOf({ confirmedMs, candidates }: Clock): number {
  const first = candidates[0]
  return first?.follows === true && first.secondMs > confirmedMs ? first.secondMs : confirmedMs
}

/** Takes an event's time as evidence. Returns whether the clock changed. */
export function observe(clock: Clock, source: string, timeMs: number, rules: ClockRules, evidence: Evidence): boolean {
  evidence.candidate = undefined
  const isNew = !clock.several && clock.sole !== source
  if (isNew) {
    clock.several = clock.sole !== undefined
    clock.sole = clock.several ? undefined : source
  }
  const { candidates } = clock
  const isOwn = candidates[0]?.source === source
  if (timeMs <= (isOwn ? timeMarkOf(clock) : clock.confirmedMs)) {
    const only = candidates[0]
    const isOfCandidate = isOwn && candidates.length === 1 && only!.newestMs <= timeMs + rules.latenessMs
    if (!isOfCandidate || timeMs <= clock.confirmedMs) return isNew
    goOn(clock, only!, clock.confirmedMs, timeMs, rules, evidence)
    return true
  }
  for (let last = candidates.at(-1); last !== undefined; last = candidates.at(-1)) {
    if (last.newestMs <= timeMs + rules.latenessMs) break
    evidence.contradicted.push(candidates.pop()!)
  }
  const others = reachedByOthers(clock, source, timeMs, rules.latenessMs)
  const last = candidates.at(-1)
  if (last?.source === source && last.newestMs >= timeMs - rules.latenessMs)
    goOn(clock, last, Math.max(others, clock.confirmedMs), timeMs, rules, evidence)
  else if (timeMs > Math.max(others, clock.confirmedMs)) open(clock, source, others, timeMs, rules, evidence)
  else confirm(clock, others, rules, evidence)
  if (others > -Infinity)
    for (const one of candidates) {
      one.follows = false
      one.events = 1
    }
  return true
}

/** The latest time that another source's candidate and this event have both reached; -Infinity for none. */
function reachedByOthers({ candidates }: Clock, source: string, timeMs: number, latenessMs: number): number {
  let reachedMs = -Infinity
  for (let i = 0; i < candidates.length; i++) {
    const one = candidates[i]!
    if (one.source !== source && one.newestMs >= timeMs - latenessMs)
      reachedMs = Math.max(reachedMs, Math.min(one.newestMs, timeMs))
  }
  return reachedMs
}

/** One more event of the latest candidate's source, near its newest. */
function goOn(
  clock: Clock,
  candidate: Candidate,
  othersMs: number,
  timeMs: number,
  rules: ClockRules,
  evidence: Evidence,
): void {
  candidate.secondMs = Math.max(candidate.secondMs, Math.min(candidate.newestMs, timeMs))
  candidate.newestMs = Math.max(candidate.newestMs, timeMs)
  candidate.events++
  evidence.candidate = candidate
  if (candidate.events >= acceptedEvents) {
    accept(clock, evidence)
    clock.candidates.splice(0, clock.candidates.length - 1)
    candidate.follows = true
  }
  const isFinal = candidate.events >= finalEvents
  if (isFinal) candidate.events = acceptedEvents
  confirm(clock, isFinal ? Math.max(othersMs, candidate.secondMs) : othersMs, rules, evidence)
}

function open(
  clock: Clock,
  source: string,
  othersMs: number,
  timeMs: number,
  rules: ClockRules,
  evidence: Evidence,
): void {
  confirm(clock, othersMs, rules, evidence)
  const { candidates, confirmedMs } = clock
  const isFar = confirmedMs === -Infinity || timeMs > confirmedMs + rules.latenessMs
  const candidate: Candidate = {
    id: clock.nextId++,
    source,
    newestMs: timeMs,
    secondMs: -Infinity,
    events: 1,
    follows: !clock.several && candidates.length === 0 && (confirmedMs === -Infinity || !isFar),
    touched: rules.copies && isFar ? [] : undefined,
  }
  evidence.candidate = candidate
  if (candidates.push(candidate) > rules.candidates) confirm(clock, candidates[0]!.newestMs, rules, evidence)
}

/** Moves the confirmed time mark forward. Candidates up to it are none any more; those near it are not far ahead. */
function confirm(clock: Clock, timeMs: number, { latenessMs }: ClockRules, evidence: Evidence): void {
  if (timeMs <= clock.confirmedMs) return
  clock.confirmedMs = timeMs
  const { candidates } = clock
  for (let i = 0; i < candidates.length; i++)
    if (candidates[i]!.newestMs <= timeMs + latenessMs) settle(candidates[i]!, evidence)
  let passed = 0
  while (passed < candidates.length && candidates[passed]!.newestMs <= timeMs) passed++
  if (passed > 0) candidates.splice(0, passed)
}

/** The events of all candidates count for good. The time mark stays. */
export function accept({ candidates }: Clock, evidence: Evidence): void {
  for (const candidate of candidates) settle(candidate, evidence)
}

function settle(candidate: Candidate, evidence: Evidence): void {
  const { id, touched } = candidate
  if (touched === undefined) return
  if (touched.length > 0) evidence.settled.push({ id, touched })
  candidate.touched = undefined
}
