import { type Cheat, buddyPunching, earlyLeave, ghostWorker, gpsSpoofing, lazyPatrol, relayed } from './cheats.js'
import type { Dice } from '../ground/dice.js'
import { scattered } from '../ground/geo.js'
import type { Setting } from '../ground/happening.js'
import type { Person } from './people.js'
import { phoneOf } from '../ground/phones.js'

export interface Cheater {
  readonly cheat: Cheat
  /** The first day on which the person cheats: for most the world's first day, for the others a later one. */
  readonly sinceDay: number
}

/** Cheaters of each scheme per thousand people; they forge about one event in a hundred. */
const perThousand = { rings: 9, spoofers: 13, lazyGuards: 12, ghosts: 3, leavers: 40, customers: 9 } as const

/** The people who cheat, and how. Ghosts are additional people, whom a supervisor adds to the roster. */
export function recruit(
  setting: Setting,
  people: readonly Person[],
): { readonly cheaters: ReadonlyMap<Person, Cheater>; readonly ghosts: readonly Person[] } {
  const dice = setting.dice('cheaters')
  const cheaters = new Map<Person, Cheater>()
  const many = (perThousandPeople: number): number =>
    Math.max(1, Math.round((perThousandPeople * people.length) / 1_000))
  const enlist = (person: Person, cheat: Cheat): void => {
    if (cheaters.has(person)) return
    cheaters.set(person, { cheat, sinceDay: setting.firstDay + (dice.chance(0.6) ? 0 : dice.below(45)) })
  }
  const anyone = (fits: (person: Person) => boolean): Person => {
    for (let tries = 0; tries < 200; tries++) {
      const person = dice.pick(people)
      if (fits(person) && !cheaters.has(person)) return person
    }
    return dice.pick(people)
  }
  for (let i = 0; i < many(perThousand.rings); i++) formRing(people, anyone, enlist, dice)
  for (let i = 0; i < many(perThousand.spoofers); i++) {
    const person = anyone(({ custom, rounds }) => custom === 'own' && rounds.length === 0)
    enlist(person, gpsSpoofing(person, dice.between(0.15, 0.6), dice))
  }
  for (let i = 0; i < many(perThousand.lazyGuards); i++)
    enlist(
      anyone(({ role }) => role === 'guard'),
      lazyPatrol(dice.between(0.08, 0.3), { claimsM: dice.pick([3, 5, 10, 18]), jitterM: dice.pick([0.5, 4, 15]) }),
    )
  for (let i = 0; i < many(perThousand.leavers); i++)
    enlist(
      anyone(({ role, custom }) => role !== 'guard' && custom === 'own'),
      earlyLeave(dice.between(0.04, 0.2)),
    )
  if (setting.patterns === 'testing') hireService(many(perThousand.customers), anyone, enlist, setting)
  const ghosts = Array.from({ length: many(perThousand.ghosts) }, (_, index) => {
    const beside = dice.pick(people)
    const ghost: Person = {
      ...beside,
      id: `p${String(people.length + index).padStart(5, '0')}`,
      rounds: [],
      custom: 'own',
      role: 'shift',
    }
    enlist(ghost, ghostWorker(phoneOf(`d${people.length + index}-0`, dice)))
    return ghost
  })
  return { cheaters, ghosts }
}

/** Colleagues of one site whose shifts begin at the same time. */
function formRing(
  people: readonly Person[],
  anyone: (fits: (person: Person) => boolean) => Person,
  enlist: (person: Person, cheat: Cheat) => void,
  dice: Dice,
): void {
  const leader = anyone(({ custom, role }) => custom === 'own' && role !== 'guard' && role !== 'cleaner')
  const mates = people.filter(
    (other) =>
      other !== leader &&
      other.site === leader.site &&
      Math.abs(other.startMin - leader.startMin) <= 30 &&
      other.role !== 'guard',
  )
  const spare = dice.chance(0.35) ? phoneOf(`${leader.phone.id}b`, dice) : undefined
  for (const mate of mates.slice(0, 2 + dice.below(4)))
    enlist(mate, buddyPunching(leader, spare, dice.between(0.15, 0.5)))
}

function hireService(
  customers: number,
  anyone: (fits: (person: Person) => boolean) => Person,
  enlist: (person: Person, cheat: Cheat) => void,
  setting: Setting,
): void {
  const dice = setting.dice('relay-service')
  // Six customers per device, four days per device.
  const service = {
    device: (day: number, customer: number): string => `d${900_000 + Math.floor(customer / 6)}-${Math.floor(day / 4)}`,
  }
  for (let customer = 0; customer < customers; customer++) {
    const person = anyone(({ custom, role }) => custom === 'own' && role !== 'guard')
    const captured = {
      at: scattered(person.site.door, 12, dice),
      accuracyM: dice.between(5, 24),
      charge: dice.between(0.3, 0.95),
    }
    enlist(person, relayed(service, customer, captured, dice.between(0.2, 0.6), setting))
  }
}
