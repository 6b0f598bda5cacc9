/* Generated from Avro schemas (*.avsc); do not edit. */
import type { Timestamp } from '../schema/columns.js'

/** A person checks in or out at a site. */
export interface AttendanceEvent {
  /** Unique per tenant; a repeat within the duplicate horizon is scored once. */
  readonly event_id: string
  /** The company the event belongs to. */
  readonly tenant_id: string
  /** Who. */
  readonly person_id: string
  /** The phone or terminal used. */
  readonly device_id: string | null
  /** Where the person claims to be. */
  readonly site_id: string
  /** When, by the device. */
  readonly occurred_at: Timestamp
  /** Local time minus UTC, minutes; habits are kept in local time. */
  readonly utc_offset_min: number
  /** Check-in or check-out. */
  readonly kind: 'in' | 'out'
  /** How presence was established. */
  readonly method: 'gps' | 'nfc' | 'face' | 'manual'
  /** Degrees, WGS 84, as the device reports. */
  readonly lat: number | null
  /** Degrees, WGS 84. */
  readonly lon: number | null
  /** Claimed radius of the position, metres. */
  readonly accuracy_m: number | null
  /** Centre of the site's geofence, degrees. */
  readonly site_lat: number | null
  /** Centre of the site's geofence, degrees. */
  readonly site_lon: number | null
  /** Radius of the geofence, metres. */
  readonly geofence_m: number | null
  /** Charge of the device, 0..1. */
  readonly battery: number | null
}

/** One sample of one metric of one host. */
export interface InfraMetricEvent {
  /** Unique per tenant; a repeat within the duplicate horizon is scored once. */
  readonly event_id: string
  /** The company the event belongs to. */
  readonly tenant_id: string
  /** The machine or service measured. */
  readonly host_id: string
  /** cpu_percent, memory_percent, disk_write_bytes, latency_ms ... */
  readonly metric: string
  /** When it was measured. */
  readonly measured_at: Timestamp
  /** Local time minus UTC, minutes; habits are kept in local time. */
  readonly utc_offset_min: number
  /** The sample, in the metric's unit. */
  readonly value: number
  /** percent, bytes, ms ... */
  readonly unit: string | null
  /** Operator's threshold, in the metric's unit. */
  readonly warn_above: number | null
  /** Operator's threshold, in the metric's unit. */
  readonly critical_above: number | null
}

/** A meter display or a vehicle plate read from a picture by OCR. */
export interface MeterReadingEvent {
  /** Unique per tenant; a repeat within the duplicate horizon is scored once. */
  readonly event_id: string
  /** The company the event belongs to. */
  readonly tenant_id: string
  /** What was read. */
  readonly kind: 'meter' | 'plate'
  /** The meter, or the gate whose camera read the plate. */
  readonly meter_id: string
  /** Where it stands. */
  readonly site_id: string
  /** The person who took the picture; null for a fixed camera. */
  readonly reader_id: string | null
  /** The device that took the picture. */
  readonly camera_id: string | null
  /** When the picture was taken. */
  readonly read_at: Timestamp
  /** Local time minus UTC, minutes; habits are kept in local time. */
  readonly utc_offset_min: number
  /** What the OCR read, as it is. */
  readonly text: string
  /** The number read, in the meter's unit; null for a plate or where no number could be made of the text. */
  readonly value: number | null
  /** Mean character confidence of the OCR, 0..1. */
  readonly confidence: number
  /** The least confident character, 0..1. */
  readonly min_confidence: number | null
  /** Digits of this meter's display, or characters of a plate. */
  readonly digits_expected: number | null
  /** Sharpness of the picture, 0..1. */
  readonly sharpness: number | null
  /** Read by OCR alone or typed by a person. */
  readonly entered_by: 'camera' | 'manual'
}

/** A mobile device uploads one record's offline edit. */
export interface SyncEvent {
  /** Unique per tenant; a repeat within the duplicate horizon is scored once. */
  readonly event_id: string
  /** The company the event belongs to. */
  readonly tenant_id: string
  /** Who edited. */
  readonly user_id: string
  /** The device that synchronises. */
  readonly device_id: string | null
  /** Kind of record: attendance, task, ticket, inventory, tour, voice ... */
  readonly domain: string
  /** The record that was edited. */
  readonly record_id: string | null
  /** When the upload arrived. */
  readonly synced_at: Timestamp
  /** Local time minus UTC, minutes; habits are kept in local time. */
  readonly utc_offset_min: number
  /** When the record was edited on the device. */
  readonly edited_at: Timestamp | null
  /** When this device last synchronised before. */
  readonly last_sync_at: Timestamp | null
  /** Version of the record that the edit started from. */
  readonly base_version: number | null
  /** Fields of the record that the edit changes. */
  readonly fields_changed: number | null
  /** Records in this upload. */
  readonly batch_size: number | null
  /** Size of the edit, bytes. */
  readonly payload_bytes: number | null
  /** wifi, 4g, 3g, offline-queue ... */
  readonly network: string | null
}
