import { type Point, scattered, shifted } from './geo.js'
import type { Setting } from './happening.js'
import { type Phone, phoneOf } from './phones.js'

export interface Site {
  readonly id: string
  readonly centre: Point
  readonly door: Point
  readonly geofenceM: number
  /** Factor of the position error between high buildings, 1 outdoors. */
  readonly canyon: number
  /** The door has tags, which most people use. */
  readonly nfc: boolean
  /** Attendance is on paper, and the supervisor enters it. */
  readonly paper: boolean
  /** Positions come from the building's Wi-Fi and are the same every day. */
  readonly wifi: Point | undefined
  /** A phone on the wall that the whole crew uses. */
  readonly crewPhone: Phone | undefined
  /** The supervisor's tablet. */
  readonly tablet: string
}

/** The sites of a tenant: about one per forty people, near the centres of the city's districts. */
export function buildSites(setting: Setting): readonly Site[] {
  const dice = setting.dice('sites')
  return Array.from({ length: Math.max(4, Math.round(setting.people / 40)) }, (_, index) => {
    const centre = scattered(dice.pick(setting.region.districts), 900, dice)
    const geofenceM = Math.round(dice.between(60, 220))
    const paper = dice.chance(0.12)
    return {
      id: `s${String(index).padStart(3, '0')}`,
      centre,
      door: shifted(centre, dice.normal(0, geofenceM * 0.3), dice.normal(0, geofenceM * 0.3)),
      geofenceM,
      canyon: dice.skewed(1.2, 0.4),
      nfc: !paper && dice.chance(0.45),
      paper,
      wifi: dice.chance(0.22) ? scattered(centre, 6, dice) : undefined,
      crewPhone: dice.chance(0.2) ? phoneOf(`crew-${index}`, dice) : undefined,
      tablet: `tab-${index}`,
    }
  })
}
