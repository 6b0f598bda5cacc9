import type { SyncEvent } from '../../../src/streams/built-in/events.js'
import { usualTenant, type Step, type When } from '../story.js'
import { durationMs } from '../../../src/streams/language/duration.js'
import type { Duration } from '../../../src/features/feature.js'

export interface Edit extends When {
  readonly user: string
  readonly record: string
  /** How long ago the device last synchronised. */
  readonly offline?: Duration
  /** The version of the record that the edit started from. */
  readonly version?: number
  readonly fields?: number
  readonly columns?: Partial<SyncEvent>
}

/** A device uploads an edit of a task. */
export const edit =
  ({ user, record, offline = '30m', version = 1, fields = 1, columns = {}, ...when }: Edit): Step =>
  (narrator) => {
    const { number, atMs } = narrator.next(when)
    const offlineMs = durationMs(offline)
    const event: SyncEvent = {
      event_id: `edit-${number}`,
      tenant_id: usualTenant,
      user_id: user,
      device_id: `phone-of-${user}`,
      domain: 'task',
      record_id: record,
      synced_at: atMs,
      utc_offset_min: 0,
      edited_at: atMs - offlineMs / 2,
      last_sync_at: atMs - offlineMs,
      base_version: version,
      fields_changed: fields,
      batch_size: 3,
      payload_bytes: 400,
      network: 'wifi',
      ...columns,
    }
    return [narrator.send(`${user} uploads an edit of ${record}`, { ...event }, usualTenant)]
  }
