import { clamp, type Dice } from '../ground/dice.js'
import { type Point, metresBetween, scattered } from '../ground/geo.js'
import type { Setting } from '../ground/happening.js'
import { type Phone, phoneOf } from '../ground/phones.js'
import type { Site } from '../ground/sites.js'

export type Method = 'gps' | 'nfc' | 'face' | 'manual'

/** A worker. The phone and the days of absence are mutable. */
export interface Person {
  readonly id: string
  readonly role: 'office' | 'shift' | 'guard' | 'cleaner' | 'part-timer'
  readonly home: Point
  readonly site: Site
  /** The other sites of a guard or a cleaner, in the order of the round. */
  readonly rounds: readonly Site[]
  readonly startMin: number
  readonly lengthMin: number
  /** The person's usual minutes before (negative) or after the start, and their spread. */
  readonly habitMin: number
  readonly spreadMin: number
  readonly daysOff: readonly number[]
  readonly habit: Method
  /** The person's way to punch: the site's wall phone, a manual entry, or an allowed check-out on the road. */
  readonly custom: 'own' | 'crew' | 'none' | 'from-the-road'
  phone: Phone
  awayUntilDay: number
}

function shiftOf(role: Person['role'], dice: Dice): { startMin: number; lengthMin: number } {
  switch (role) {
    case 'office':
      return { startMin: dice.pick([450, 480, 480, 510, 540]), lengthMin: dice.pick([480, 510, 540]) }
    case 'shift':
      return { startMin: dice.pick([360, 420, 840, 1320]), lengthMin: 480 }
    case 'guard':
      return { startMin: dice.pick([420, 1140, 1140]), lengthMin: 720 }
    case 'cleaner':
      return { startMin: dice.pick([330, 360, 1020]), lengthMin: dice.pick([300, 420]) }
    case 'part-timer':
      return { startMin: dice.pick([540, 720, 960]), lengthMin: dice.pick([240, 300]) }
  }
}

function daysOffOf(role: Person['role'], setting: Setting, dice: Dice): readonly number[] {
  if (role === 'office') return setting.region.weekend
  const first = dice.below(7)
  return role === 'guard' || dice.chance(0.5) ? [first] : [first, (first + 1) % 7]
}

function customOf(site: Site, role: Person['role'], dice: Dice): Person['custom'] {
  if (site.paper && dice.chance(0.45)) return 'none'
  if (dice.chance(0.004)) return 'none'
  if (site.crewPhone !== undefined && role !== 'office' && dice.chance(0.4)) return 'crew'
  return dice.chance(0.006) ? 'from-the-road' : 'own'
}

/** A person of the tenant. Rounds stay near the home site, as planned routes do. */
function buildPerson(index: number, sites: readonly Site[], setting: Setting, dice: Dice): Person {
  const roll = dice.next()
  const role =
    roll < 0.36 ? 'office' : roll < 0.66 ? 'shift' : roll < 0.76 ? 'guard' : roll < 0.9 ? 'cleaner' : 'part-timer'
  const site = sites[index % sites.length]!
  const near = sites
    .filter((other) => other !== site)
    .sort((a, b) => metresBetween(site.centre, a.centre) - metresBetween(site.centre, b.centre))
  // A cleaner walks to neighbouring sites; a patrol drives through a part of the city.
  const rounds =
    role === 'guard'
      ? near.filter(({ centre }) => metresBetween(site.centre, centre) > 2_500).slice(0, 2 + dice.below(3))
      : role === 'cleaner' && dice.chance(0.5)
        ? near.slice(0, 1)
        : []
  return {
    id: `p${String(index).padStart(5, '0')}`,
    role,
    home: scattered(dice.pick(setting.region.districts), 4_000, dice),
    site,
    rounds,
    ...shiftOf(role, dice),
    habitMin: dice.normal(-6, 7),
    spreadMin: clamp(dice.skewed(7, 0.5), 2, 25),
    daysOff: daysOffOf(role, setting, dice),
    habit: site.nfc && dice.chance(0.75) ? 'nfc' : dice.chance(0.3) ? 'face' : 'gps',
    custom: customOf(site, role, dice),
    phone: phoneOf(`d${index}-0`, dice),
    awayUntilDay: setting.firstDay,
  }
}

/** All people, including a few families that share a phone. */
export function buildPeople(setting: Setting, sites: readonly Site[]): readonly Person[] {
  const dice = setting.dice('people')
  const people = Array.from({ length: setting.people }, (_, index) => buildPerson(index, sites, setting, dice))
  for (const person of people) {
    if (!dice.chance(0.02)) continue
    const relative = dice.pick(people)
    relative.phone = person.phone
  }
  return people
}
