import { type Dice, zipf } from '../ground/dice.js'
import { dayMs, type Setting } from '../ground/happening.js'

/** A kind of record, and how people edit it together. */
export interface Domain {
  readonly name: string
  readonly fields: number
  /** Share of edits that change field 0 (status, quantity). */
  readonly statusShare: number
  /** Share of edits of the team's common records. */
  readonly commonShare: number
  /** Edits by clerks at the console per edit on a device; the stream does not contain them. */
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
  /** Bit i is set when the edit changed field i. */
  readonly fields: number
  readonly atMs: number
}

export interface Document {
  readonly id: string
  readonly domain: Domain
  version: number
  /** Newest last; revisions older than every device's last synchronisation are dropped. */
  revisions: Revision[]
}

/** A device that was offline for longer loads everything again. */
const rememberedMs = 8 * dayMs

export const newDocument = (domain: Domain, id: string, dice: Dice): Document => ({
  id,
  domain,
  version: 1 + dice.below(12),
  revisions: [],
})

/** The version that a device knows if it last synchronised at this time. */
export function versionAt(document: Document, atMs: number): number {
  const later = document.revisions.find((revision) => revision.atMs > atMs)
  return later === undefined ? document.version : later.version - 1
}

/** Whether another author changed one of these fields after the edit's base version. */
export const collides = (document: Document, base: number, author: string, fields: number): boolean =>
  document.revisions.some(
    (revision) => revision.version > base && revision.author !== author && (revision.fields & fields) !== 0,
  )

/** Stores the edit as the next version, whether it was merged or not. */
export function write(document: Document, author: string, fields: number, atMs: number): void {
  document.version++
  document.revisions.push({ version: document.version, author, fields, atMs })
  if (document.revisions.length > 64 || document.revisions[0]!.atMs < atMs - rememberedMs)
    document.revisions = document.revisions.filter((revision) => revision.atMs >= atMs - rememberedMs).slice(-64)
}

/** The fields that an edit changes: usually the status and a few others; the domain's first fields more often. */
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

/** The records of a group. A few are edited often, others on other days; new records replace finished ones. */
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
