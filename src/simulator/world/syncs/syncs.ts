import { type Dice, rounded } from '../ground/dice.js'
import {
  collides,
  countOf,
  type Document,
  domains,
  type Domain,
  fieldsOf,
  type Pool,
  poolOf,
  versionAt,
  write,
} from './documents.js'
import { type Emit, hourMs, midnightMs, minuteMs, type Process, type Setting, weekdayOf } from '../ground/happening.js'

/** An edit on a device, before its upload. */
interface Edit {
  readonly document: Document
  readonly fields: number
  readonly base: number
  readonly atMs: number
}

interface User {
  readonly id: string
  readonly device: string
  readonly team: Pool
  readonly own: Pool
  readonly startMin: number
  readonly editsPerDay: number
  readonly reach: 'online' | 'mobile' | 'remote'
  readonly clockSkewMs: number
  readonly oldApp: boolean
  lastSyncMs: number | null
  /** The device has no network before this time, for example in a cellar or during a weekend in the mountains. */
  offlineUntilMs: number
  waiting: Edit[]
}

type Action =
  | { readonly atMs: number; readonly do: 'edit'; readonly user: User }
  | { readonly atMs: number; readonly do: 'sync'; readonly user: User }
  | { readonly atMs: number; readonly do: 'console'; readonly team: Pool }

const domainWeights = domains.reduce((sum, { weight }) => sum + weight, 0)
function domainOf(dice: Dice): Domain {
  let at = dice.next() * domainWeights
  return domains.find(({ weight }) => (at -= weight) < 0) ?? domains[0]!
}

function buildTeams(setting: Setting): { readonly users: readonly User[]; readonly pools: readonly Pool[] } {
  const dice = setting.dice('users')
  const count = Math.max(6, Math.round(setting.people / 8))
  const pools = Array.from({ length: Math.ceil(count / 12) }, (_, index) => poolOf(`t${index}`, 36, 1.05, setting))
  const users = Array.from({ length: count }, (_, index): User => {
    const roll = dice.next()
    return {
      id: `u${String(index).padStart(4, '0')}`,
      device: `ud${index}`,
      team: pools[index % pools.length]!,
      own: poolOf(`u${index}`, 14, 0.6, setting),
      startMin: dice.pick([360, 420, 480, 480, 840]),
      editsPerDay: dice.skewed(8, 0.6),
      reach: roll < 0.45 ? 'online' : roll < 0.8 ? 'mobile' : 'remote',
      clockSkewMs: dice.normal(0, 20_000) + (dice.chance(0.02) ? dice.normal(0, 40 * minuteMs) : 0),
      oldApp: dice.chance(0.05),
      lastSyncMs: null,
      offlineUntilMs: 0,
      waiting: [],
    }
  })
  return { users, pools }
}

/** The time of the device's next upload after an edit. */
function syncAfterMs(user: User, atMs: number, dice: Dice): number {
  const awayMs =
    user.reach === 'online'
      ? dice.between(5, 120) * 1_000
      : user.reach === 'mobile'
        ? dice.between(4, 100) * minuteMs
        : dice.between(1, 7) * hourMs
  return Math.max(atMs + awayMs, user.offlineUntilMs)
}

/** The edits and uploads of all users on a day, in order of time. */
function plan(
  users: readonly User[],
  pools: readonly Pool[],
  day: number,
  setting: Setting,
  dice: Dice,
): readonly Action[] {
  const midnight = midnightMs(setting.region, day)
  const rest = setting.region.weekend.includes(weekdayOf(day))
  const actions: Action[] = []
  for (const user of users) {
    // Edits that waited overnight are uploaded when the device wakes.
    const wakesMs = midnight + (user.startMin + dice.normal(-10, 12)) * minuteMs
    if (user.waiting.length > 0) actions.push({ atMs: Math.max(wakesMs, user.offlineUntilMs), do: 'sync', user })
    if (!dice.chance(rest ? 0.15 : 0.85)) continue
    if (dice.chance(0.012)) user.offlineUntilMs = wakesMs + dice.between(8, 60) * hourMs
    const edits = Math.min(40, Math.round(dice.skewed(user.editsPerDay, 0.4) * (1 + 0.5 * setting.drift(midnight))))
    let nextSyncMs = 0
    let atMs = wakesMs + 10 * minuteMs
    for (let edit = 0; edit < edits; edit++) {
      atMs += dice.exponential((8 * 60) / Math.max(2, edits)) * minuteMs
      if (atMs > midnight + 23.9 * hourMs) break
      actions.push({ atMs, do: 'edit', user })
      if (dice.chance(0.03)) user.offlineUntilMs = Math.max(user.offlineUntilMs, atMs + dice.between(0.5, 4) * hourMs)
      if (atMs < nextSyncMs) continue
      nextSyncMs = syncAfterMs(user, atMs, dice)
      if (nextSyncMs < midnight + 23.9 * hourMs) actions.push({ atMs: nextSyncMs, do: 'sync', user })
    }
  }
  for (const team of pools)
    for (let clerk = (rest ? 8 : 60) * dice.skewed(1, 0.2); clerk > 0; clerk--)
      actions.push({ atMs: midnight + dice.between(6.5, 18.5) * hourMs, do: 'console', team })
  return actions.sort((a, b) => a.atMs - b.atMs)
}

/**
 * Users of one tenant edit records offline and upload them later. The revisions of the documents decide whether an
 * upload conflicts.
 */
export function syncs(setting: Setting): Process {
  const { users, pools } = buildTeams(setting)

  function edit(user: User, atMs: number, day: number, dice: Dice): void {
    const domain = domainOf(dice)
    const document = (dice.chance(domain.commonShare) ? user.team : user.own).choose(domain, day, dice)
    const earlier = user.waiting.find((waiting) => waiting.document === document)
    // A user with a network loads the record first; the others edit the version of their last upload.
    const fresh = user.reach === 'online' && atMs >= user.offlineUntilMs && dice.chance(0.8)
    const base = earlier?.base ?? (fresh ? document.version : versionAt(document, user.lastSyncMs ?? 0))
    user.waiting.push({ document, fields: fieldsOf(domain, dice), base, atMs })
  }

  function upload(user: User, atMs: number, emit: Emit, dice: Dice): void {
    if (atMs < user.offlineUntilMs) return
    const lastSyncMs = user.lastSyncMs
    const offlineMs = atMs - (user.waiting[0]?.atMs ?? atMs)
    const network =
      user.reach === 'online'
        ? dice.chance(0.8)
          ? 'wifi'
          : '4g'
        : offlineMs > 2 * hourMs && dice.chance(0.6)
          ? 'offline-queue'
          : dice.chance(0.75)
            ? '4g'
            : '3g'
    user.waiting.forEach((waiting, index) => {
      const syncedMs = Math.floor(atMs + index * dice.between(60, 120))
      const { document, fields, base } = waiting
      const conflict = collides(document, base, user.id, fields)
      write(document, user.id, fields, syncedMs)
      emit(
        'sync',
        syncedMs + dice.between(20, 400),
        {
          event_id: setting.nextId('s'),
          tenant_id: setting.tenant,
          user_id: user.id,
          device_id: user.device,
          domain: document.domain.name,
          record_id: document.id,
          synced_at: syncedMs,
          utc_offset_min: setting.region.offsetMin,
          edited_at: Math.floor(waiting.atMs + user.clockSkewMs),
          last_sync_at: lastSyncMs === null ? null : Math.floor(lastSyncMs),
          base_version: user.oldApp ? null : base,
          fields_changed: countOf(fields),
          batch_size: user.waiting.length,
          payload_bytes: Math.round(
            dice.skewed(180, 0.6) * countOf(fields) +
              (document.domain.name === 'voice' ? dice.skewed(9_000, 0.5) : 120),
          ),
          network,
        },
        conflict ? 'conflict' : undefined,
      )
    })
    user.waiting = []
    user.lastSyncMs = rounded(atMs + 500, 0)
  }

  return {
    play(day, emit) {
      const dice = setting.dice('syncs', day)
      for (const action of plan(users, pools, day, setting, dice)) {
        if (action.do === 'edit') edit(action.user, action.atMs, day, dice)
        else if (action.do === 'sync') upload(action.user, action.atMs, emit, dice)
        else {
          const domain = domainOf(dice)
          if (dice.chance(domain.consoleShare))
            write(action.team.choose(domain, day, dice), 'console', fieldsOf(domain, dice), action.atMs)
        }
      }
    },
  }
}
