/** The rule of the time mark in its obvious form (see src/features/memory/time-mark.ts). */

/** A folded event that may be taken back from some entities' histories. */
export interface Revocable {
  /** Keys of the entities from which the event can be taken back. */
  readonly revocable: Set<string>
  /** Keys of those from which it was. */
  readonly gone: Set<string>
}

/** A source that is past the confirmed time, with its events since then. */
export interface Claim {
  readonly source: string
  readonly times: number[]
  /** Events since another source agreed last. */
  alone: number
  follows: boolean
  /** Its events may be taken back. */
  open: boolean
  readonly events: Revocable[]
  readonly touched: Set<string>
}

const newest = ({ times }: Claim): number => Math.max(...times)
const secondNewest = ({ times }: Claim): number => times.toSorted((a, b) => b - a)[1] ?? -Infinity

export class NaiveClock {
  readonly #sources = new Set<string>()
  claims: Claim[] = []

  constructor(
    readonly latenessMs: number,
    readonly most: number,
    readonly revokes: boolean,
    public confirmedMs = -Infinity,
  ) {}

  get markMs(): number {
    const [first] = this.claims
    return first?.follows === true ? Math.max(this.confirmedMs, secondNewest(first)) : this.confirmedMs
  }

  /** Takes an event as evidence. Returns the claim to which it belongs. */
  see(source: string, timeMs: number): Claim | undefined {
    this.#sources.add(source)
    const isFirst = this.claims[0]?.source === source
    if (timeMs <= (isFirst ? this.markMs : this.confirmedMs)) {
      const only = this.claims.length === 1 && isFirst && timeMs > this.confirmedMs ? this.claims[0] : undefined
      if (only === undefined || newest(only) - this.latenessMs > timeMs) return undefined
      return this.#goOn(only, timeMs, this.confirmedMs)
    }
    this.#contradict(timeMs)
    const agreed = this.claims
      .filter((claim) => claim.source !== source && newest(claim) >= timeMs - this.latenessMs)
      .map((claim) => Math.min(newest(claim), timeMs))
    const agreedMs = Math.max(this.confirmedMs, ...agreed)
    const last = this.claims.at(-1)
    let claim: Claim | undefined
    if (last?.source === source && newest(last) >= timeMs - this.latenessMs) claim = this.#goOn(last, timeMs, agreedMs)
    else {
      this.#confirm(agreedMs)
      if (timeMs > agreedMs) claim = this.#open(source, timeMs)
    }
    if (agreed.length > 0) for (const one of this.claims) [one.follows, one.alone] = [false, 1]
    return claim
  }

  /** Claims more than the lateness past the event are false. */
  #contradict(timeMs: number): void {
    const [kept, false_] = [true, false].map((wanted) =>
      this.claims.filter((claim) => newest(claim) <= timeMs + this.latenessMs === wanted),
    ) as [Claim[], Claim[]]
    for (const claim of false_)
      if (claim.open) for (const { revocable, gone } of claim.events) for (const key of revocable) gone.add(key)
    this.claims = kept
  }

  #goOn(claim: Claim, timeMs: number, agreedMs: number): Claim {
    claim.times.push(timeMs)
    claim.alone++
    if (claim.alone >= 16) {
      this.settle()
      this.claims = [claim]
      claim.follows = true
    }
    const isFinal = claim.alone >= 1_024
    if (isFinal) claim.alone = 16
    this.#confirm(isFinal ? Math.max(agreedMs, secondNewest(claim)) : agreedMs)
    return claim
  }

  #open(source: string, timeMs: number): Claim {
    const none = this.confirmedMs === -Infinity
    const isFar = none || timeMs > this.confirmedMs + this.latenessMs
    const claim: Claim = {
      source,
      times: [timeMs],
      alone: 1,
      follows: this.#sources.size === 1 && this.claims.length === 0 && (none || !isFar),
      open: this.revokes && isFar,
      events: [],
      touched: new Set(),
    }
    this.claims.push(claim)
    if (this.claims.length > this.most) this.#confirm(newest(this.claims[0]!))
    return claim
  }

  #confirm(timeMs: number): void {
    this.confirmedMs = Math.max(this.confirmedMs, timeMs)
    for (const claim of this.claims) if (newest(claim) <= this.confirmedMs + this.latenessMs) claim.open = false
    this.claims = this.claims.filter((claim) => newest(claim) > this.confirmedMs)
  }

  /** The events of all claims count for good. */
  settle(): void {
    for (const claim of this.claims) claim.open = false
  }
}
