import { type Dice } from './dice.js'

export interface Point {
  readonly lat: number
  readonly lon: number
}

const metresPerDegree = 111_195

/** The point at these distances north and east of another; flat-earth arithmetic, exact to a metre within a city. */
export const shifted = (from: Point, northM: number, eastM: number): Point => ({
  lat: from.lat + northM / metresPerDegree,
  lon: from.lon + eastM / (metresPerDegree * Math.cos((from.lat * Math.PI) / 180)),
})

export const scattered = (from: Point, deviationM: number, dice: Dice): Point =>
  shifted(from, dice.normal(0, deviationM), dice.normal(0, deviationM))

export function metresBetween(a: Point, b: Point): number {
  const northM = (b.lat - a.lat) * metresPerDegree
  const eastM = (b.lon - a.lon) * metresPerDegree * Math.cos(((a.lat + b.lat) * Math.PI) / 360)
  return Math.hypot(northM, eastM)
}

/** A point on the straight line between two others. */
export const along = (from: Point, to: Point, share: number): Point => ({
  lat: from.lat + (to.lat - from.lat) * share,
  lon: from.lon + (to.lon - from.lon) * share,
})
