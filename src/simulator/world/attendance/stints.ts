import type { Dice } from '../ground/dice.js'
import { metresBetween } from '../ground/geo.js'
import { midnightMs, minuteMs, type Setting, weekdayOf } from '../ground/happening.js'
import type { Person } from './people.js'
import type { Site } from '../ground/sites.js'

export interface Stop {
  readonly site: Site
  readonly inMs: number
  readonly outMs: number
}

/** A person's actual working day, from its first stop to its last. */
export interface Stint {
  readonly person: Person
  readonly stops: readonly Stop[]
  /** The end by the roster. */
  readonly rosterEndMs: number
}

const isHoliday = (setting: Setting, day: number): boolean => setting.dice('holiday', day).chance(0.03)

/** Absences last several days: one or two sick days, or two weeks of leave. */
function isAway(person: Person, day: number, dice: Dice): boolean {
  if (day < person.awayUntilDay) return true
  const roll = dice.next()
  if (roll < 0.012) person.awayUntilDay = day + 1 + dice.below(3)
  else if (roll < 0.016) person.awayUntilDay = day + 5 + dice.below(9)
  return day < person.awayUntilDay
}

/** Visits during the day, with travel between sites at city speed. */
function patrol(person: Person, startMs: number, endMs: number, dice: Dice): Stop[] {
  const legs = person.rounds.length
  const stops: Stop[] = []
  let here = person.site
  let clockMs = startMs + dice.between(20, 70) * minuteMs
  for (let leg = 0; leg < legs && person.role === 'guard'; leg++) {
    const site = person.rounds[(leg + dice.below(2)) % legs]!
    if (site === here) continue
    clockMs += (metresBetween(here.centre, site.centre) / dice.between(250, 650)) * minuteMs + 2 * minuteMs
    const outMs = clockMs + dice.between(15, 70) * minuteMs
    if (outMs > endMs - 30 * minuteMs) break
    stops.push({ site, inMs: clockMs, outMs })
    here = site
    clockMs = outMs
  }
  return stops
}

/** The stops of a cleaner, who divides the day between two sites. */
function split(person: Person, startMs: number, endMs: number, dice: Dice): readonly Stop[] {
  const site = person.rounds[0]!
  const middleMs = (startMs + endMs) / 2
  const wayMs = (metresBetween(person.site.centre, site.centre) / dice.between(200, 500)) * minuteMs
  return [
    { site: person.site, inMs: startMs, outMs: middleMs },
    { site, inMs: middleMs + wayMs, outMs: endMs },
  ]
}

/** A person's working day; `undefined` on a day off. */
export function stintOf(
  person: Person,
  day: number,
  setting: Setting,
  sites: readonly Site[],
  dice: Dice,
): Stint | undefined {
  const off = person.daysOff.includes(weekdayOf(day)) || (person.role === 'office' && isHoliday(setting, day))
  if (isAway(person, day, dice) || (off && !dice.chance(0.03))) return undefined
  const midnight = midnightMs(setting.region, day)
  const swapped = dice.chance(0.018) ? dice.pick([-240, 240, 480]) : 0
  const laterMin = setting.drift(midnight) * 45
  const startMin = Math.max(30, person.startMin + swapped + laterMin)
  const delayMin = dice.chance(0.025) ? dice.exponential(45) : 0
  const startMs =
    midnight + Math.max(5, startMin + dice.normal(person.habitMin, person.spreadMin) + delayMin) * minuteMs
  const rosterEndMs = midnight + (startMin + person.lengthMin) * minuteMs
  const overtimeMin = dice.chance(0.09) ? dice.exponential(80) : 0
  const endMs = Math.max(
    startMs + 60 * minuteMs,
    rosterEndMs + (dice.normal(7, person.spreadMin) + overtimeMin) * minuteMs,
  )
  if (person.role === 'cleaner' && person.rounds.length > 0)
    return { person, stops: split(person, startMs, endMs, dice), rosterEndMs }
  const site = dice.chance(0.015) ? dice.pick(sites) : person.site
  const inner = person.role === 'guard' ? patrol(person, startMs, endMs, dice) : []
  return { person, stops: [{ site, inMs: startMs, outMs: endMs }, ...inner], rosterEndMs }
}
