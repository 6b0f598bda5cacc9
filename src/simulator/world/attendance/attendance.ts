import type { Dice } from '../ground/dice.js'
import { recruit } from './cheaters.js'
import type { Emit, Process, Setting } from '../ground/happening.js'
import { honestDay, type Today } from './honest.js'
import { buildPeople, type Person } from './people.js'
import { phoneOf } from '../ground/phones.js'
import { arrivalMs, report } from './punches.js'
import type { Site } from '../ground/sites.js'
import { type Stint, stintOf } from './stints.js'

/** Replaces broken phones; a phone lasts about eight months. */
function replacePhones(people: readonly Person[], day: number, dice: Dice): void {
  for (const person of people) {
    if (!dice.chance(1 / 240)) continue
    person.phone = phoneOf(`${person.phone.id.split('-')[0]!}-${day}`, dice)
  }
}

function groupBySite(people: readonly Person[]): ReadonlyMap<Site, readonly Person[]> {
  const groups = new Map<Site, Person[]>()
  for (const person of people) {
    const group = groups.get(person.site)
    if (group === undefined) groups.set(person.site, [person])
    else group.push(person)
  }
  return groups
}

/** Attendance of one tenant: people come to work and go home, and some of them cheat. */
export function attendance(setting: Setting, sites: readonly Site[]): Process {
  const people = buildPeople(setting, sites)
  const { cheaters, ghosts } = recruit(setting, people)
  const bySite = groupBySite(people)
  const roster = [...people, ...ghosts]
  return {
    play(day, emit: Emit) {
      const dice = setting.dice('attendance', day)
      replacePhones(people, day, dice)
      const broken = new Set(sites.filter(() => dice.chance(0.012)))
      const stints = new Map<Person, Stint>()
      for (const person of roster) {
        const stint = stintOf(person, day, setting, sites, dice)
        if (stint !== undefined) stints.set(person, stint)
      }
      const today: Today = {
        broken,
        colleagues: (site) => bySite.get(site) ?? people,
        stintOf: (person) => stints.get(person),
      }
      for (const stint of stints.values()) {
        const cheater = cheaters.get(stint.person)
        const forged = cheater !== undefined && day >= cheater.sinceDay ? cheater.cheat(stint, today, dice) : undefined
        if (forged === undefined && ghosts.includes(stint.person)) continue
        for (const punch of forged ?? honestDay(stint, today, dice))
          emit('attendance', arrivalMs(punch, dice), report(punch, setting, dice), punch.scheme)
      }
    },
  }
}
