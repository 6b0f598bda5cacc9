import { murmur2 } from '../base/keys.js'
import { dayMs, hourMs, minuteMs } from './world/ground/happening.js'
import type { Happening, Moment, Outcome, World } from './world/world.js'

/**
 * Plays a world at a fixed rate in real time. One world sends less than one event per second, so copies of it run
 * beside it. Copy 0 is the world itself. In every other copy the same companies have other people, devices, sites and
 * hosts, who live in another time zone: their events are those of another hour of the world, and their local times are
 * the world's. So no event is in the future, and every history is as natural as the world's own.
 *
 * For each block of time the number of copies is chosen so that they have just the events of the rate. The same world
 * and the same rate give the same moments, except for outcomes of what was sent before `beganMs`.
 */
export function steadyWorld(world: World, rate: number, beganMs: number): Pick<World, 'timeline'> {
  const tenants = new Map<string, TenantDays>()
  const crews = new Map<number, Crew>()
  let filledMs = beganMs - behindMs

  function daysOf(tenant: string, offsetMin: number): TenantDays {
    const days = tenants.get(tenant) ?? { offsetMin, events: [], outcomes: [], arrivals: new Map<string, number>() }
    tenants.set(tenant, days)
    return days
  }

  function fill(toMs: number): void {
    for (const moment of world.timeline(filledMs, toMs))
      if (moment.is === 'event') {
        const { happening } = moment
        const days = daysOf(String(happening.event['tenant_id']), Number(happening.event['utc_offset_min']))
        days.events.push({ atMs: happening.atMs, item: happening })
        days.arrivals.set(idOf(happening), happening.atMs)
      } else {
        const { outcome } = moment
        tenants.get(outcome.tenant_id)?.outcomes.push({ atMs: outcome.atMs, item: outcome })
      }
    filledMs = toMs
  }

  /** The copies that have the events of a block together. */
  function crewOf(startMs: number): Crew {
    const wanted = (rate * blockMs) / 1_000
    let found = 0
    for (let copy = 0; copy < mostCopies; copy++) {
      let more = 0
      for (const days of tenants.values()) more += countOf(days.events, startMs + aheadOf(copy, days), blockMs)
      if (found + more >= wanted) return { copies: copy + 1, share: (wanted - found) / more }
      found += more
    }
    return { copies: mostCopies, share: 1 }
  }

  /** Whether a copy sends, or has sent, the event that arrives there at a time. */
  function sends(id: string, copy: number, atMs: number): boolean {
    const crew = crews.get(Math.floor(atMs / blockMs) * blockMs)
    return crew !== undefined && (copy < crew.copies - 1 || (copy === crew.copies - 1 && shareOf(id) < crew.share))
  }

  function addDue(due: At<Moment>[], copy: number, days: TenantDays, fromMs: number): void {
    const ahead = aheadOf(copy, days)
    const add = (atMs: number, item: Moment): unknown => due.push({ atMs: atMs - ahead, item })
    for (const { item: happening, atMs } of slice(days.events, fromMs + ahead, fromMs + blockMs + ahead))
      if (sends(idOf(happening), copy, atMs - ahead))
        add(atMs, { is: 'event', happening: shifted(happening, copy, ahead) })
    for (const { item: outcome, atMs } of slice(days.outcomes, fromMs + ahead, fromMs + blockMs + ahead)) {
      const eventMs = days.arrivals.get(outcome.event_id)
      // The world itself has a longer past than its copies: what is not known was sent as history.
      if (eventMs === undefined ? copy === 0 : sends(outcome.event_id, copy, eventMs - ahead))
        add(atMs, { is: 'outcome', outcome: later(outcome, copy, ahead) })
    }
  }

  /** The moments of a block, in order; forgets what no later block needs. */
  function blockAt(startMs: number): Block {
    fill(Math.max(filledMs, startMs + blockMs + aheadMs))
    const crew = crewOf(startMs)
    crews.set(startMs, crew)
    const due: At<Moment>[] = []
    for (let copy = 0; copy < crew.copies; copy++) for (const days of tenants.values()) addDue(due, copy, days, startMs)
    for (const [block] of crews) {
      if (block >= startMs - behindMs - aheadMs) break
      crews.delete(block)
    }
    for (const { events, outcomes, arrivals } of tenants.values()) {
      for (const { item } of events.splice(0, firstAt(events, startMs - behindMs))) arrivals.delete(idOf(item))
      outcomes.splice(0, firstAt(outcomes, startMs - behindMs))
    }
    return { startMs, due: due.sort((a, b) => a.atMs - b.atMs) }
  }

  let current: Block = { startMs: Number.NEGATIVE_INFINITY, due: [] }
  return {
    *timeline(fromMs, toMs) {
      for (let atMs = fromMs; atMs < toMs; atMs = current.startMs + blockMs) {
        const startMs = Math.floor(atMs / blockMs) * blockMs
        if (current.startMs !== startMs) current = blockAt(startMs)
        for (const { item } of slice(current.due, atMs, toMs)) yield item
      }
    },
  }
}

interface Block {
  readonly startMs: number
  readonly due: readonly At<Moment>[]
}

interface At<T> {
  readonly atMs: number
  readonly item: T
}

/** The world's hours around now for one tenant, in order of arrival. */
interface TenantDays {
  readonly offsetMin: number
  readonly events: At<Happening>[]
  readonly outcomes: At<Outcome>[]
  /** The arrival of each of the events, by its id. */
  readonly arrivals: Map<string, number>
}

/** The copies that send the events of a block. The last one sends this share of its events. */
interface Crew {
  readonly copies: number
  readonly share: number
}

const blockMs = 10_000
const mostCopies = 1_000_000
/** Local times of copies are within 12 hours of UTC, and those of the world's regions 0 to 9 hours east of it. */
const [aheadMs, behindMs] = [12 * hourMs, 21 * hourMs]
const goldenRatio = (Math.sqrt(5) - 1) / 2

/** How far a copy is ahead of the world. The golden ratio spreads any number of copies evenly over the day. */
const aheadOf = (copy: number, { offsetMin }: TenantDays): number =>
  copy === 0 ? 0 : Math.floor(((copy * goldenRatio) % 1) * dayMs) - dayMs / 2 - offsetMin * minuteMs

/** Index of the first moment at or after a time. */
function firstAt(moments: readonly At<unknown>[], atMs: number): number {
  let [low, high] = [0, moments.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (moments[middle]!.atMs < atMs) low = middle + 1
    else high = middle
  }
  return low
}

const countOf = (moments: readonly At<unknown>[], fromMs: number, lengthMs: number): number =>
  firstAt(moments, fromMs + lengthMs) - firstAt(moments, fromMs)

function* slice<T>(moments: readonly At<T>[], fromMs: number, toMs: number): Generator<At<T>> {
  for (let index = firstAt(moments, fromMs); index < moments.length && moments[index]!.atMs < toMs; index++)
    yield moments[index]!
}

const idOf = ({ event }: Happening): string => String(event['event_id'])

/** A number in 0..1 for an id, always the same one. */
const shareOf = (id: string): number => (murmur2(Buffer.from(id)) >>> 0) / 2 ** 32

const times = ['occurred_at', 'measured_at', 'read_at', 'synced_at', 'edited_at', 'last_sync_at'] as const
const ids = [
  ...['event_id', 'person_id', 'device_id', 'site_id', 'meter_id', 'reader_id', 'camera_id'],
  ...['user_id', 'record_id', 'host_id'],
] as const

const idIn = (copy: number, id: string): string => `${id}.${copy.toString(36)}`

function shifted(happening: Happening, copy: number, ahead: number): Happening {
  if (copy === 0) return happening
  const event: Record<string, unknown> = { ...happening.event }
  for (const name of ids) if (typeof event[name] === 'string') event[name] = idIn(copy, event[name])
  for (const name of times) if (typeof event[name] === 'number') event[name] = event[name] - ahead
  event['utc_offset_min'] = Number(event['utc_offset_min']) + Math.round(ahead / minuteMs)
  return { stream: happening.stream, atMs: happening.atMs - ahead, event }
}

const later = (outcome: Outcome, copy: number, ahead: number): Outcome =>
  copy === 0 ? outcome : { ...outcome, event_id: idIn(copy, outcome.event_id), atMs: outcome.atMs - ahead }
