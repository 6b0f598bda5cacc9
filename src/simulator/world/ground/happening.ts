import type { Dice } from './dice.js'

export type StreamName = 'attendance' | 'meter-reading' | 'sync' | 'infra-metric'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** Why an event is not genuine. Training worlds contain all of them except `relay-service`. */
export type Scheme =
  | 'buddy-punching'
  | 'gps-spoofing'
  | 'lazy-patrol'
  | 'ghost-worker'
  | 'early-leave'
  | 'relay-service'
  | 'misread'
  | 'tampering'
  | 'fantasy-reading'
  | 'plate-misread'
  | 'cloned-plate'
  | 'conflict'
  | 'cpu-runaway'
  | 'memory-leak'
  | 'disk-fill'
  | 'latency-storm'
  | 'host-dead'
  | 'traffic-drop'

/** An event and its arrival in the log, `atMs`; the event contains its own time. */
export interface Happening {
  readonly stream: StreamName
  readonly atMs: number
  readonly event: Readonly<Record<string, unknown>>
}

/** The truth about an event, reported days later by a review or a correction. */
export interface Outcome {
  readonly stream: StreamName
  readonly tenant_id: string
  readonly event_id: string
  /** 1: the event was a fraud, a bad reading, a conflict or an incident. */
  readonly label: 0 | 1
  readonly kind: 'correction' | 'review' | 'later-event'
  readonly atMs: number
}

/** Receives an event and, when it is not genuine, the scheme. */
export type Emit = (stream: StreamName, atMs: number, event: Readonly<Record<string, unknown>>, scheme?: Scheme) => void

/** A process of a tenant. Its local days are played in order, each once. */
export interface Process {
  /** Emits all events of the local day; none arrives before its midnight. */
  play(day: number, emit: Emit): void
}

/** The tenant that a process belongs to. */
export interface Setting {
  readonly seed: number
  readonly tenant: string
  readonly region: Region
  readonly people: number
  readonly hosts: number
  readonly patterns: 'training' | 'testing'
  /** First local day that is played. */
  readonly firstDay: number
  /** Drift of the world, from 0 (no drift) to 1. */
  drift(atMs: number): number
  /** An event id that no other run, tenant or process has. */
  nextId(process: string): string
  dice(...names: readonly (string | number)[]): Dice
}

/** A city without daylight saving time, with the real coordinates of its districts. */
export interface Region {
  readonly city: string
  readonly offsetMin: number
  /** Weekdays without work, Monday is 0. */
  readonly weekend: readonly number[]
  readonly districts: readonly { readonly lat: number; readonly lon: number }[]
}

/** Start of the local day, epoch ms. */
export const midnightMs = (region: Region, day: number): number => day * dayMs - region.offsetMin * minuteMs

/** Monday is 0; 1970-01-01 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7
