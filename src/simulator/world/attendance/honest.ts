import type { Dice } from '../ground/dice.js'
import { along, scattered } from '../ground/geo.js'
import { minuteMs } from '../ground/happening.js'
import type { Person } from './people.js'
import type { Punch } from './punches.js'
import type { Site } from '../ground/sites.js'
import type { Stint, Stop } from './stints.js'

/** The circumstances of a day: broken readers, colleagues and their work. */
export interface Today {
  /** Sites with broken readers, where every entry is manual. */
  readonly broken: ReadonlySet<Site>
  readonly colleagues: (site: Site) => readonly Person[]
  readonly stintOf: (person: Person) => Stint | undefined
}

/** A person's usual punch at the door. */
export function usual(person: Person, site: Site, kind: 'in' | 'out', atMs: number, dice: Dice): Punch {
  const phone = person.custom === 'crew' && site.crewPhone !== undefined ? site.crewPhone : person.phone
  const method = !site.nfc && person.habit === 'nfc' ? 'gps' : person.habit
  const early = kind === 'in' && dice.chance(0.05)
  return { person, site, kind, atMs, method, phone, where: scattered(site.door, early ? 140 : 14, dice) }
}

const typedIn = (punch: Punch): Punch => ({ ...punch, method: 'manual', phone: undefined })

/** Unusual punches of honest people: an empty phone, a list that is entered later, a check-out on the way home. */
function odd(punch: Punch, stint: Stint, today: Today, dice: Dice): Punch {
  const { person, site } = punch
  if (person.custom === 'none' ? !dice.chance(0.04) : today.broken.has(site) && dice.chance(0.8)) return typedIn(punch)
  if (punch.kind === 'out' && person.custom === 'from-the-road' && dice.chance(0.7))
    return { ...punch, method: 'gps', where: along(site.centre, person.home, dice.between(0.2, 0.9)) }
  const roll = dice.next()
  if (roll < 0.011) return typedIn(punch)
  if (roll < 0.0122) return { ...punch, method: 'gps', phone: dice.pick(today.colleagues(site)).phone }
  if (roll < 0.0172 && punch.kind === 'out') {
    const home = dice.chance(0.6)
    const lateMs = (home ? dice.between(25, 150) : dice.between(5, 40)) * minuteMs
    const where = home ? scattered(person.home, 20, dice) : along(site.centre, person.home, dice.between(0.1, 0.8))
    return { ...punch, method: 'gps', atMs: Math.max(punch.atMs, stint.rosterEndMs) + lateMs, where }
  }
  if (roll < 0.024 && punch.kind === 'in')
    return { ...punch, method: 'gps', where: along(site.centre, person.home, dice.between(0.03, 0.3)) }
  return punch
}

/** The punches of an honest day, in order of time. */
export function honestDay(stint: Stint, today: Today, dice: Dice): readonly Punch[] {
  const punches: Punch[] = []
  const visit = (stop: Stop): void => {
    for (const [kind, atMs] of [
      ['in', stop.inMs],
      ['out', stop.outMs],
    ] as const) {
      const punch = odd(usual(stint.person, stop.site, kind, atMs, dice), stint, today, dice)
      punches.push(punch)
      // Without an answer the person presses again.
      if (dice.chance(0.005)) punches.push({ ...punch, atMs: punch.atMs + dice.between(4_000, 50_000) })
    }
  }
  stint.stops.forEach(visit)
  return punches
}
