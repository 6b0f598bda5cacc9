import { clamp, type Dice, rounded } from '../ground/dice.js'
import { type Point, scattered } from '../ground/geo.js'
import { minuteMs, type Scheme, type Setting } from '../ground/happening.js'
import type { Method, Person } from './people.js'
import { chargeAt, type Phone } from '../ground/phones.js'
import type { Site } from '../ground/sites.js'

/** A person punches in or out, at a place and with a device. The phone's report of it may differ. */
export interface Punch {
  readonly person: Person
  readonly site: Site
  readonly kind: 'in' | 'out'
  readonly atMs: number
  readonly method: Method
  /** `undefined` for a manual entry on the supervisor's tablet. */
  readonly phone: Phone | undefined
  /** The true position of the phone. */
  readonly where: Point
  readonly scheme?: Scheme
  /** A forged report, which replaces the phone's measurement. */
  readonly forged?: { readonly at: Point; readonly accuracyM: number; readonly charge?: number }
}

interface Fix {
  readonly at: Point
  readonly accuracyM: number
}

/** The position that a phone measures; it depends on the buildings, and is rarely a jump to a wrong cell tower. */
function fixOf(punch: Punch, phone: Phone, drift: number, dice: Dice): Fix {
  const { site } = punch
  const atSite = Math.abs(punch.where.lat - site.centre.lat) + Math.abs(punch.where.lon - site.centre.lon) < 0.004
  if (atSite && site.wifi !== undefined && dice.chance(0.7))
    return { at: scattered(site.wifi, 1.5, dice), accuracyM: dice.pick([8, 10, 12.5, 15, 20]) }
  const errorM = phone.errorM * (1 - 0.45 * drift) * site.canyon * Math.exp(dice.normal(0, 0.45))
  if (dice.chance(0.005)) {
    const farM = dice.skewed(700, 0.9)
    return {
      at: scattered(punch.where, farM, dice),
      accuracyM: dice.chance(0.6) ? farM * dice.between(0.6, 2) : errorM,
    }
  }
  return { at: scattered(punch.where, errorM * 0.8, dice), accuracyM: phone.claimsM ?? errorM * dice.between(0.8, 1.7) }
}

/** Arrival of the report in the log: at once, when the phone is online again, or when the supervisor enters a list. */
export function arrivalMs(punch: Punch, dice: Dice): number {
  if (punch.phone === undefined) return punch.atMs + clamp(dice.skewed(25, 1.1), 1, 420) * minuteMs
  if (dice.chance(0.04)) return punch.atMs + clamp(dice.exponential(35), 1, 360) * minuteMs
  return punch.atMs + dice.between(150, 3_500)
}

/** The attendance event of a punch. */
export function report(punch: Punch, setting: Setting, dice: Dice): Readonly<Record<string, unknown>> {
  const { person, site, phone } = punch
  // A tag proves presence at the door, so many readers send no position.
  const positioned = phone !== undefined && (punch.method !== 'nfc' || dice.chance(0.65))
  const fix = positioned
    ? punch.forged === undefined
      ? fixOf(punch, phone, setting.drift(punch.atMs), dice)
      : punch.forged
    : undefined
  const charge = phone === undefined ? undefined : (punch.forged?.charge ?? chargeAt(phone, punch.kind, dice))
  return {
    event_id: setting.nextId('a'),
    tenant_id: setting.tenant,
    person_id: person.id,
    device_id: phone === undefined ? site.tablet : phone.id,
    site_id: site.id,
    occurred_at: Math.floor(punch.atMs),
    utc_offset_min: setting.region.offsetMin,
    kind: punch.kind,
    method: punch.method,
    lat: fix === undefined ? null : rounded(fix.at.lat, 6),
    lon: fix === undefined ? null : rounded(fix.at.lon, 6),
    accuracy_m: fix === undefined ? null : rounded(fix.accuracyM, 1),
    site_lat: rounded(site.centre.lat, 6),
    site_lon: rounded(site.centre.lon, 6),
    geofence_m: site.geofenceM,
    battery: charge === undefined ? null : rounded(charge, 2),
  }
}
