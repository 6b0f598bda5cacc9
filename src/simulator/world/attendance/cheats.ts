import { clamp, type Dice } from '../ground/dice.js'
import { along, type Point, scattered } from '../ground/geo.js'
import { minuteMs, type Setting } from '../ground/happening.js'
import { type Today, usual } from './honest.js'
import type { Person } from './people.js'
import { type Phone, phoneOf } from '../ground/phones.js'
import type { Punch } from './punches.js'
import type { Stint } from './stints.js'

/** A person's forged punches of a day; `undefined` on days when the person is honest. */
export type Cheat = (stint: Stint, today: Today, dice: Dice) => readonly Punch[] | undefined

/** The leader's phone, or an old one for this purpose, punches for a colleague who comes late or not at all. */
export function buddyPunching(leader: Person, spare: Phone | undefined, share: number): Cheat {
  return (stint, today, dice) => {
    const leaders = today.stintOf(leader)
    if (leaders === undefined || !dice.chance(share)) return undefined
    const { person } = stint
    const phone = spare ?? leader.phone
    const cover = (kind: 'in' | 'out', besideMs: number): Punch => ({
      ...usual(leader, leader.site, kind, besideMs + dice.normal(2, 3) * minuteMs, dice),
      person,
      phone,
      method: leader.site.nfc && dice.chance(0.5) ? 'nfc' : 'gps',
      scheme: 'buddy-punching',
    })
    const first = cover('in', leaders.stops[0]!.inMs)
    if (dice.chance(0.55)) return [first, cover('out', leaders.stops[0]!.outMs)]
    return [first, usual(person, stint.stops[0]!.site, 'out', stint.stops[0]!.outMs, dice)]
  }
}

/** An app reports a position that its owner chooses: the middle of the geofence, or always the same pin. */
export function gpsSpoofing(person: Person, share: number, dice: Dice): Cheat {
  const centred = dice.chance(0.55)
  const pin = centred ? person.site.centre : scattered(person.site.centre, person.site.geofenceM * 0.3, dice)
  const jitterM = centred ? dice.pick([0, 0.6, 2]) : dice.pick([0, 1.5, 5])
  const claimsM = centred ? dice.pick([1, 2, 3, 5]) : dice.between(4, 11)
  return (stint, _today, dice) => {
    if (!dice.chance(share)) return undefined
    const [stop] = stint.stops
    return (['in', 'out'] as const).map((kind): Punch => {
      const atMs =
        kind === 'in' ? stop!.inMs : dice.chance(0.5) ? stint.rosterEndMs + dice.exponential(4) * minuteMs : stop!.outMs
      const forged = {
        at: scattered(pin, jitterM, dice),
        accuracyM: centred ? claimsM : claimsM * dice.between(0.8, 1.2),
      }
      return {
        ...usual(person, person.site, kind, atMs, dice),
        phone: person.phone,
        method: 'gps',
        where: person.home,
        forged,
        scheme: 'gps-spoofing',
      }
    })
  }
}

/** A guard stays at one site and reports the whole round from there, faster than anybody can drive it. */
export function lazyPatrol(share: number, app: { readonly claimsM: number; readonly jitterM: number }): Cheat {
  return (stint, _today, dice) => {
    if (stint.stops.length < 3 || !dice.chance(share)) return undefined
    const { person } = stint
    const [base, ...round] = stint.stops
    const punches: Punch[] = [usual(person, base!.site, 'in', base!.inMs, dice)]
    let clockMs = round[0]!.inMs
    for (const { site } of round) {
      clockMs += dice.between(1.5, 9) * minuteMs
      for (const kind of ['in', 'out'] as const) {
        const forged = { at: scattered(site.door, app.jitterM, dice), accuracyM: app.claimsM * dice.between(0.7, 1.4) }
        punches.push({
          ...usual(person, site, kind, clockMs, dice),
          method: 'gps',
          where: base!.site.door,
          forged,
          scheme: 'lazy-patrol',
        })
        clockMs += dice.between(4, 25) * minuteMs
      }
    }
    return [...punches, usual(person, base!.site, 'out', Math.max(base!.outMs, clockMs), dice)]
  }
}

/**
 * A person on the payroll who does not exist. The supervisor enters the hours; sometimes a second phone appears.
 */
export function ghostWorker(spare: Phone): Cheat {
  return (stint, _today, dice) => {
    const [stop] = stint.stops
    return (['in', 'out'] as const).map((kind): Punch => {
      const planned = kind === 'in' ? stint.rosterEndMs - stint.person.lengthMin * minuteMs : stint.rosterEndMs
      const atMs = (Math.round(planned / (5 * minuteMs)) + dice.below(3) - 1) * 5 * minuteMs
      const typed = dice.chance(0.75)
      const seen = usual(stint.person, stop!.site, kind, atMs, dice)
      return { ...seen, method: typed ? 'manual' : 'gps', phone: typed ? undefined : spare, scheme: 'ghost-worker' }
    })
  }
}

/** A person leaves early and checks out by phone, on the road or at home, when the shift should end. */
export function earlyLeave(share: number): Cheat {
  return (stint, _today, dice) => {
    if (!dice.chance(share)) return undefined
    const { person } = stint
    const { site, inMs } = stint.stops[0]!
    const atMs = stint.rosterEndMs + clamp(dice.normal(3, 5), -8, 25) * minuteMs
    const gone = dice.chance(0.5)
      ? scattered(person.home, 25, dice)
      : along(site.centre, person.home, dice.between(0.15, 1))
    const out: Punch = {
      ...usual(person, site, 'out', atMs, dice),
      phone: person.phone,
      method: 'gps',
      where: gone,
      scheme: 'early-leave',
    }
    // When the position is switched off, only the cell tower remains, which is too coarse to prove anything.
    const blurred = dice.chance(0.45)
    const last = blurred
      ? {
          ...out,
          forged: { at: scattered(along(site.centre, gone, 0.4), 500, dice), accuracyM: dice.between(900, 3_000) },
        }
      : out
    return [usual(person, site, 'in', inMs, dice), last]
  }
}

/** An outside service that sends its customers' punches from its own devices, which change every few days. */
export interface RelayService {
  device(day: number, customer: number): string
}

/**
 * Only in testing worlds. The service captured one genuine report of each customer and replays it: position, accuracy
 * and charge are real, but the person is not there. It uses no site phone and no manual entry, and never moves.
 */
export function relayed(
  service: RelayService,
  customer: number,
  captured: { readonly at: Point; readonly accuracyM: number; readonly charge: number },
  share: number,
  setting: Setting,
): Cheat {
  return (stint, _today, dice) => {
    if (!dice.chance(share)) return undefined
    const { person } = stint
    const stop = stint.stops[0]!
    return (['in', 'out'] as const).map((kind): Punch => {
      const atMs = (kind === 'in' ? stop.inMs : stop.outMs) + dice.normal(0, 1) * minuteMs
      const day = Math.floor(stint.rosterEndMs / (24 * 60 * minuteMs))
      const phone = phoneOf(service.device(day, customer), setting.dice('relay-phone', day, customer))
      return {
        ...usual(person, person.site, kind, atMs, dice),
        method: 'face',
        phone,
        where: person.home,
        forged: captured,
        scheme: 'relay-service',
      }
    })
  }
}
