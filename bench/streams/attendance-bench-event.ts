/* Generated from Avro schemas (*.avsc); do not edit. */
import type { Timestamp } from 'tidemill'

/** An attendance event of the comparison workload. */
export interface AttendanceBenchEvent {
  readonly event_id: string
  readonly tenant_id: string
  readonly person_id: string
  readonly site_id: string
  readonly ts: Timestamp
  readonly kind: 'in' | 'out'
  readonly lat: number
  readonly lon: number
  readonly accuracy_m: number
  readonly device_id: string
  readonly method: 'gps' | 'nfc' | 'face' | 'manual'
  readonly battery: number
}
