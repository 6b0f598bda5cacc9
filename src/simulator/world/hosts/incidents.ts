import { type Dice } from '../ground/dice.js'
import { hourMs, minuteMs, type Scheme } from '../ground/happening.js'

export type Metric =
  | 'cpu_percent'
  | 'memory_percent'
  | 'disk_used_percent'
  | 'disk_write_bytes'
  | 'network_in_bytes'
  | 'requests_per_s'
  | 'latency_ms'
type Kind = Extract<
  Scheme,
  'cpu-runaway' | 'memory-leak' | 'disk-fill' | 'latency-storm' | 'host-dead' | 'traffic-drop'
>

export interface Incident {
  readonly kind: Kind
  readonly fromMs: number
  readonly untilMs: number
  /** Time until the incident has its full effect. */
  readonly rampMs: number
  /** Severity, 0.2..1; a weak incident is no worse than a busy afternoon. */
  readonly force: number
}

/** The metrics that each incident affects. */
const felt: Readonly<Record<Kind, readonly Metric[]>> = {
  'cpu-runaway': ['cpu_percent', 'latency_ms'],
  'memory-leak': ['memory_percent'],
  'disk-fill': ['disk_used_percent', 'disk_write_bytes'],
  'latency-storm': ['latency_ms'],
  'host-dead': ['cpu_percent', 'network_in_bytes', 'requests_per_s', 'disk_write_bytes'],
  'traffic-drop': ['network_in_bytes', 'requests_per_s'],
}

const shapes: Readonly<
  Record<
    Kind,
    { readonly weight: number; readonly hours: readonly [number, number]; readonly ramp: readonly [number, number] }
  >
> = {
  'cpu-runaway': { weight: 28, hours: [0.7, 6], ramp: [0, 0.3] },
  'memory-leak': { weight: 18, hours: [3, 12], ramp: [0.9, 1] },
  'disk-fill': { weight: 14, hours: [2, 9], ramp: [0.9, 1] },
  'latency-storm': { weight: 18, hours: [0.5, 4], ramp: [0, 0.4] },
  'host-dead': { weight: 8, hours: [0.25, 1.5], ramp: [0, 0] },
  'traffic-drop': { weight: 14, hours: [0.7, 5], ramp: [0, 0.3] },
}

/**
 * A third of the incidents develop slowly: nobody notices their start or duration, and one hour of them looks like any
 * other. A dead host is noticed.
 */
const creeping = { share: 0.35, longer: [3, 7], ramp: [0.8, 1] } as const

const kinds = Object.keys(shapes) as Kind[]
const weights = kinds.reduce((sum, kind) => sum + shapes[kind].weight, 0)

export function strike(atMs: number, dice: Dice): Incident {
  let at = dice.next() * weights
  const kind = kinds.find((candidate) => (at -= shapes[candidate].weight) < 0) ?? 'cpu-runaway'
  const { hours, ramp } = shapes[kind]
  const creeps = kind !== 'host-dead' && dice.chance(creeping.share)
  const lastsMs = dice.between(...hours) * hourMs * (creeps ? dice.between(...creeping.longer) : 1)
  return {
    kind,
    fromMs: atMs,
    untilMs: atMs + lastsMs,
    rampMs: lastsMs * dice.between(...(creeps ? creeping.ramp : ramp)) + minuteMs,
    force: dice.between(0.2, 1),
  }
}

/** 0 before and after the incident, 1 at its full effect. */
export const severity = (incident: Incident | undefined, atMs: number): number =>
  incident === undefined || atMs < incident.fromMs || atMs >= incident.untilMs
    ? 0
    : Math.min(1, (atMs - incident.fromMs) / incident.rampMs)

/** Whether a metric's sample counts as an incident: the incident affects it and has at least a fifth of its effect. */
export const counts = (incident: Incident | undefined, metric: Metric, atMs: number): boolean =>
  incident !== undefined && severity(incident, atMs) >= 0.2 && felt[incident.kind].includes(metric)
