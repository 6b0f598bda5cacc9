import type { Dice } from './dice.js'

export type StreamName = 'attendance' | 'meter-reading' | 'sync' | 'infra-metric'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** Why an event is not what it claims to be. Only `relay-service` is kept from training. */
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

/** One event as it reaches the log: `atMs` is its arrival, the event carries its own time. */
export interface Happening {
  readonly stream: StreamName
  readonly atMs: number
  readonly event: Readonly<Record<string, unknown>>
}

/** What turned out about an event, days later, as a review or a correction would report it. */
export interface Outcome {
  readonly stream: StreamName
  readonly tenant_id: string
  readonly event_id: string
  /** 1: it was wrong (fraud, bad reading, conflict, incident). */
  readonly label: 0 | 1
  readonly kind: 'correction' | 'review' | 'later-event'
  readonly atMs: number
}

/** Takes an event and, where it is not genuine, why. */
export type Emit = (stream: StreamName, atMs: number, event: Readonly<Record<string, unknown>>, scheme?: Scheme) => void

/** One process of one tenant. Days are local and are played in order, each once. */
export interface Process {
  /** Emits all that happens in the local day; nothing arrives before its midnight. */
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
  /** How far the world has drifted, 0 (as at the start) to 1. */
  drift(atMs: number): number
  /** An event id that no other run, tenant or process gives. */
  nextId(process: string): string
  dice(...names: readonly (string | number)[]): Dice
}

/** A city without daylight saving: real coordinates of districts where people live and work. */
export interface Region {
  readonly city: string
  readonly offsetMin: number
  /** Days of rest, Monday is 0. */
  readonly weekend: readonly number[]
  readonly districts: readonly { readonly lat: number; readonly lon: number }[]
}

/** When the local day begins, epoch ms. */
export const midnightMs = (region: Region, day: number): number => day * dayMs - region.offsetMin * minuteMs

/** Monday is 0; 1970-01-01 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7
