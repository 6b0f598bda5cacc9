import type { SyncEvent } from './events.js'
import { defineStream } from '../language/define.js'
import { anyOf, ramp, when } from '../language/evidence.js'
import { avsc } from '../schema/schema.js'
import { changed, delta, elapsed, flag } from '../language/sequential.js'
import { field, hour, hoursBetween, log1p, weekday } from '../language/values.js'
import { count, distinct, othersSince, share, zscore } from '../language/windowed.js'

const local = { offset: 'utc_offset_min' } as const
const hourly = { tile: '1h' } as const
const daily = { tile: '1d' } as const

/** Uploads of offline edits. Detects an edit that conflicts with another user's edit. */
export const sync = defineStream({
  name: 'sync',
  schema: avsc<SyncEvent>(import.meta.url, '../../../schemas/sync.avsc'),
  id: 'event_id',
  time: 'synced_at',
  tenant: 'tenant_id',
  // Record ids are unique within their domain only.
  entities: { user: 'user_id', record: ['domain', 'record_id'], device: 'device_id', domain: 'domain' },
  features: {
    // The conflict itself: other users who uploaded an edit of this record since this device last synchronised, or
    // since the edit.
    others_since_last_sync: othersSince('user_id', 'last_sync_at', '14d', { by: 'record', otherwise: 0 }),
    others_since_edit: othersSince('user_id', 'edited_at', '14d', { by: 'record', otherwise: 0 }),
    base_version_step: delta('base_version', { by: 'record' }),

    // The longer a device was offline, the more has happened meanwhile.
    offline_h: hoursBetween('last_sync_at', 'synced_at'),
    edit_age_h: hoursBetween('edited_at', 'synced_at'),
    edit_after_sync_h: hoursBetween('last_sync_at', 'edited_at'),
    offline_unlike_habit: zscore(hoursBetween('last_sync_at', 'synced_at'), '28d', {
      by: 'user',
      prior: true,
      ...daily,
      floor: 0.25,
    }),
    offline_queue: flag({ network: 'offline-queue' }),

    // The record: many users edit some of them.
    record_edits_1h: count('1h', { by: 'record', prior: true, tile: '5m' }),
    record_edits_7d: count('7d', { by: 'record', prior: true, tile: '6h' }),
    record_editors_24h: distinct('user_id', '24h', { by: 'record' }),
    record_editors_7d: distinct('user_id', '7d', { by: 'record' }),
    record_elapsed_s: elapsed({ by: 'record' }),
    record_user_changed: changed('user_id', { by: 'record' }),

    // The upload.
    batch_size: field('batch_size'),
    batch_unlike_habit: zscore(log1p('batch_size'), '28d', { by: 'user', prior: true, ...daily, floor: 0.2 }),
    fields_changed: field('fields_changed'),
    payload_log: log1p('payload_bytes'),

    // The user and the device.
    user_edits_1h: count('1h', { by: 'user', tile: '5m' }),
    user_edits_24h: count('24h', { by: 'user', ...hourly }),
    user_records_24h: distinct('record_id', '24h', { by: 'user' }),
    user_devices_7d: distinct('device_id', '7d', { by: 'user' }),
    user_device_changed: changed('device_id', { by: 'user' }),
    user_elapsed_s: elapsed({ by: 'user' }),
    user_offline_share_28d: share({ network: 'offline-queue' }, '28d', { by: 'user', prior: true, ...daily }),
    device_users_7d: distinct('user_id', '7d', { by: 'device' }),

    // The domain: several people work on a ticket; attendance belongs to one person.
    domain_edits_1h: count('1h', { by: 'domain', tile: '5m' }),
    domain_users_1h: distinct('user_id', '1h', { by: 'domain', lastSeen: 2_000 }),
    is_task: flag({ domain: 'task' }),
    is_ticket: flag({ domain: 'ticket' }),
    is_inventory: flag({ domain: 'inventory' }),
    is_attendance: flag({ domain: 'attendance' }),
    is_tour: flag({ domain: 'tour' }),
    is_voice: flag({ domain: 'voice' }),
    hour: hour('synced_at', local),
    weekday: weekday('synced_at', local),
  },
  model: 'sync-conflict',
  heuristic: (x) => {
    // Two users changed the same record without seeing each other's edit; a small edit of a record with many fields
    // may still merge.
    const overlap = 0.35 + 0.35 * ramp(x.fields_changed, 1, 6)
    return anyOf(
      0.02,
      when(x.others_since_last_sync >= 1, overlap),
      when(x.others_since_edit >= 1, 0.3),
      when(x.record_user_changed === 1 && x.base_version_step <= 0, 0.4),
      when(x.record_user_changed === 1, 0.25 * ramp(x.offline_h, 1, 12)),
      0.15 * ramp(x.record_editors_7d, 2, 6),
      0.1 * ramp(x.offline_h, 8, 72),
      0.1 * ramp(x.batch_unlike_habit, 2, 6),
    )
  },
  typical: {
    offline_h: 0.5,
    edit_age_h: 0.1,
    edit_after_sync_h: 0.4,
    base_version_step: 1,
    record_editors_24h: 1,
    record_editors_7d: 1,
    record_elapsed_s: 86_400,
    batch_size: 3,
    fields_changed: 1,
    payload_log: 6,
    user_edits_1h: 3,
    user_edits_24h: 15,
    user_records_24h: 10,
    user_devices_7d: 1,
    user_elapsed_s: 900,
    device_users_7d: 1,
    domain_edits_1h: 50,
    domain_users_1h: 10,
    hour: 10,
    weekday: 2,
  },
  risk: { high: 0.7, medium: 0.4 },
  lateness: '1h',
  clock: 'device',
  outcome: { matureAfter: '3d', silenceMeans: 'genuine' },
})
