import { systemClock } from '../../src/base/clock.js'

/** An event that the log has acknowledged, and where. */
export interface Acknowledged {
  readonly id: string
  readonly partition: number
  readonly offset: number
}

/** Chance that is the same in every run. Source: mulberry32, public domain. */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const people = 400
const stepMs = 20_000
/**
 * Far enough back for eleven million events before their time is that of the clock: later ones would be bad records.
 */
const startMs = Date.UTC(2019, 0, 7)
/** One in a hundred each: an event that a producer sends again, and one that comes far too late. */
const again = 0.01
const late = 0.01

/**
 * Events without end for the stream of the comparison workload: few people, so that each has a history soon, and what
 * producers do wrong.
 */
export function* eventLines(seed: number): Generator<string> {
  const random = chance(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const sent: string[] = []
  for (let i = 0; ; i++) {
    if (sent.length > 0 && random() < again) {
      yield sent[below(sent.length)]!
      continue
    }
    const person = below(people)
    const ts = startMs + i * stepMs - below(30_000) - (random() < late ? 7 * 86_400_000 : 0)
    const method = (['gps', 'nfc', 'face', 'manual'] as const)[below(4)]!
    const line = JSON.stringify({
      event_id: `e${String(i).padStart(8, '0')}`,
      tenant_id: `t${person % 10}`,
      person_id: `p${person}`,
      site_id: `s${random() < 0.8 ? person % 40 : below(40)}`,
      ts: Math.max(ts, startMs - 60_000),
      kind: below(2) === 0 ? 'in' : 'out',
      lat: -7 + random() * 2,
      lon: 106 + random() * 4,
      accuracy_m: 3 + random() * 100,
      device_id: `d${person}-${random() < 0.9 ? 0 : 1 + below(3)}`,
      method,
      battery: random(),
    })
    if (sent.length < 500) sent.push(line)
    else sent[below(500)] = line
    yield line
  }
}

/** Sends events in their order and resolves with where they are when all are acknowledged, however long that takes. */
export type Send = (lines: readonly string[]) => Promise<readonly Acknowledged[]>

/** A producer at work. */
export interface Load {
  readonly acknowledged: readonly Acknowledged[]
  /** From now on it offers so many events a second. */
  pace(perSecond: number): void
  /** Ends when what was sent is acknowledged. */
  stop(): Promise<void>
}

const beatMs = 50

/** Offers events at an even pace, at most a batch of 1,000 at once; what a fault holds up is sent later. */
export function startLoad(send: Send, lines: Iterator<string>, perSecond: number): Load {
  const acknowledged: Acknowledged[] = []
  let rate = perSecond
  let running = true
  const work = (async () => {
    for (let owed = 0, beforeMs = systemClock.nowMs(); running;) {
      await systemClock.sleep(beatMs)
      const nowMs = systemClock.nowMs()
      owed = Math.min(owed + ((nowMs - beforeMs) * rate) / 1_000, 1_000)
      beforeMs = nowMs
      const some = Array.from({ length: Math.floor(owed) }, () => lines.next().value as string)
      owed -= some.length
      if (some.length > 0) for (const one of await send(some)) acknowledged.push(one)
    }
  })()
  work.catch(() => undefined)
  return {
    acknowledged,
    pace: (perSecond) => void (rate = perSecond),
    async stop() {
      running = false
      await work
    },
  }
}
