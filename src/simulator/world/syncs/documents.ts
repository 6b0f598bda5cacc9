import { type Dice, zipf } from '../ground/dice.js'
import { dayMs, type Setting } from '../ground/happening.js'

/** A kind of record, and how people work on it together. */
export interface Domain {
  readonly name: string
  readonly fields: number
  /** Field 0 (status, quantity) is in this share of the edits. */
  readonly statusShare: number
  /** Share of edits that go to the team's common records. */
  readonly commonShare: number
  /** Edits by clerks at the console for one edit from the field; the stream never shows them. */
  readonly consoleShare: number
  readonly weight: number
}

export const domains: readonly Domain[] = [
  { name: 'task', fields: 12, statusShare: 0.5, commonShare: 0.3, consoleShare: 0.5, weight: 30 },
  { name: 'ticket', fields: 14, statusShare: 0.45, commonShare: 0.6, consoleShare: 0.9, weight: 20 },
  { name: 'inventory', fields: 6, statusShare: 0.75, commonShare: 0.7, consoleShare: 0.25, weight: 16 },
  { name: 'tour', fields: 16, statusShare: 0.3, commonShare: 0.2, consoleShare: 0.15, weight: 14 },
  { name: 'attendance', fields: 5, statusShare: 0.6, commonShare: 0.04, consoleShare: 0.3, weight: 14 },
  { name: 'voice', fields: 4, statusShare: 0.4, commonShare: 0.05, consoleShare: 0.02, weight: 6 },
]

interface Revision {
  readonly version: number
  readonly author: string
  /** Bit i is set where field i was changed. */
  readonly fields: number
  readonly atMs: number
}

export interface Document {
  readonly id: string
  readonly domain: Domain
  version: number
  /** Newest last; older than anybody's last look is forgotten. */
  revisions: Revision[]
}

/** Longer offline than this, and a device loads everything anew. */
const rememberedMs = 8 * dayMs

export const newDocument = (domain: Domain, id: string, dice: Dice): Document => ({
  id,
  domain,
  version: 1 + dice.below(12),
  revisions: [],
})

/** The version that a device which last looked then believes to be current. */
export function versionAt(document: Document, atMs: number): number {
  const later = document.revisions.find((revision) => revision.atMs > atMs)
  return later === undefined ? document.version : later.version - 1
}

/** Whether somebody else changed one of these fields after the version that the edit started from. */
export const collides = (document: Document, base: number, author: string, fields: number): boolean =>
  document.revisions.some(
    (revision) => revision.version > base && revision.author !== author && (revision.fields & fields) !== 0,
  )

/** The edit becomes the next version, merged or not. */
export function write(document: Document, author: string, fields: number, atMs: number): void {
  document.version++
  document.revisions.push({ version: document.version, author, fields, atMs })
  if (document.revisions.length > 64 || document.revisions[0]!.atMs < atMs - rememberedMs)
    document.revisions = document.revisions.filter((revision) => revision.atMs >= atMs - rememberedMs).slice(-64)
}

/** Which fields one edit touches: mostly the status, then a few others, each domain's first ones more often. */
export function fieldsOf(domain: Domain, dice: Dice): number {
  let fields = dice.chance(domain.statusShare) ? 1 : 0
  for (let more = dice.below(3) + (fields === 0 ? 1 : 0); more > 0; more--)
    fields |= 1 << Math.floor(domain.fields * dice.next() ** 1.4)
  return fields
}

export const countOf = (fields: number): number => {
  let count = 0
  for (let rest = fields; rest !== 0; rest &= rest - 1) count++
  return count
}

/** Records that a group works on; a few are hot, others on other days, and finished ones make room for new. */
export interface Pool {
  choose(domain: Domain, day: number, dice: Dice): Document
}

export function poolOf(name: string, size: number, skew: number, setting: Setting): Pool {
  const dice = setting.dice('pool', name)
  let made = 0
  const records = new Map(
    domains.map((domain) => [
      domain,
      Array.from({ length: size }, () => newDocument(domain, `${domain.name}-${name}-${made++}`, dice)),
    ]),
  )
  const rank = zipf(size, skew)
  return {
    choose(domain, day, dice) {
      const list = records.get(domain)!
      const index = (rank(dice) + day * 3) % size
      if (dice.chance(0.02)) list[index] = newDocument(domain, `${domain.name}-${name}-${made++}`, dice)
      return list[index]!
    },
  }
}
