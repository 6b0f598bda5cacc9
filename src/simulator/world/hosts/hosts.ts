import { clamp, type Dice } from '../ground/dice.js'
import {
  dayMs,
  type Emit,
  hourMs,
  midnightMs,
  minuteMs,
  type Process,
  type Setting,
  weekdayOf,
} from '../ground/happening.js'
import { counts, type Incident, type Metric, severity, strike } from './incidents.js'
import { advance, calm, type Host, hostOf, sampleMs, utilisation, type Weather } from './load.js'

interface Machine {
  readonly host: Host
  readonly metrics: readonly Metric[]
  readonly weather: Weather
  readonly phaseMs: number
  incident: Incident | undefined
}

const limitsOf = (host: Host): Readonly<Record<Metric, readonly [number, number] | undefined>> => ({
  cpu_percent: [80, 95],
  memory_percent: [85, 95],
  disk_used_percent: [80, 92],
  disk_write_bytes: undefined,
  network_in_bytes: undefined,
  requests_per_s: undefined,
  latency_ms: [Math.round(host.latencyMs * 4), Math.round(host.latencyMs * 10)],
})

const unitOf: Readonly<Record<Metric, string>> = {
  cpu_percent: 'percent',
  memory_percent: 'percent',
  disk_used_percent: 'percent',
  disk_write_bytes: 'bytes',
  network_in_bytes: 'bytes',
  requests_per_s: '1/s',
  latency_ms: 'ms',
}

/** The host's gauges at one moment. An incident changes the machine; the gauges only measure it. */
function gauges(
  { host, weather, incident }: Machine,
  atMs: number,
  rest: boolean,
  setting: Setting,
  dice: Dice,
): Readonly<Record<Metric, number>> {
  const localMs = atMs + setting.region.offsetMin * minuteMs
  const { traffic, busy } = utilisation(host, weather, localMs, rest, setting)
  const felt = severity(incident, atMs) * (incident?.force ?? 0)
  const strength = (kind: Incident['kind']): number => (incident?.kind === kind ? felt : 0)
  const alive = strength('host-dead') > 0 || weather.off > 0 ? 0 : 1
  const served = traffic * (1 - 0.85 * strength('traffic-drop')) * alive
  const load = served + busy * alive + strength('cpu-runaway') * 0.75
  const backup = Math.floor(localMs / hourMs) % 24 === host.backupHour ? 1 : 0
  const storm = dice.chance(0.75) ? strength('latency-storm') : 0
  const wait = 1 / (1 - clamp(load, 0, 0.9))
  const requests = served * host.requestsPerS * dice.skewed(1, 0.06)
  return {
    cpu_percent: clamp(100 * load * dice.skewed(1, 0.05) + (alive === 1 ? 0.8 : 0.1), 0, 100),
    memory_percent: clamp(
      host.memoryPercent +
        weather.heap +
        weather.cache +
        served * 8 +
        strength('memory-leak') * 42 +
        dice.normal(0, 0.5),
      1,
      99.5,
    ),
    disk_used_percent: clamp(weather.disk + strength('disk-fill') * 30 + backup * 0.8, 1, 100),
    disk_write_bytes:
      alive *
      (2e5 * dice.skewed(0.3 + served, 0.25 + host.tail) +
        backup * dice.skewed(2e6, 0.4) +
        strength('disk-fill') * 9e5 +
        (dice.chance(host.tail * 0.06) ? dice.skewed(1.5e6, 0.9) : 0)),
    network_in_bytes:
      alive * (requests * 2_400 * dice.skewed(1, host.tail * 0.4) + 4e3 * dice.skewed(1, 0.2) + backup * 2e4),
    requests_per_s: requests,
    latency_ms: host.latencyMs * wait * (1 + 6 * storm) * dice.skewed(1, 0.08 + host.tail * 0.35),
  }
}

const rounded = (value: number): number => (value >= 1_000 ? Math.round(value) : Math.round(value * 1_000) / 1_000)

/** Hosts of one tenant report their gauges every five minutes; sometimes a host has an incident. */
export function hosts(setting: Setting): Process {
  const dice = setting.dice('hosts')
  const machines = Array.from({ length: setting.hosts }, (_, index): Machine => {
    const host = hostOf(index, dice)
    const extra: Metric[] = dice.chance(0.5)
      ? ['latency_ms', 'requests_per_s']
      : ['disk_write_bytes', 'network_in_bytes']
    return {
      host,
      metrics: ['cpu_percent', 'memory_percent', 'disk_used_percent', ...extra],
      weather: calm(host),
      phaseMs: dice.below(sampleMs),
      incident: undefined,
    }
  })

  function sample(machine: Machine, atMs: number, rest: boolean, emit: Emit, dice: Dice): void {
    const { host, metrics, weather, incident } = machine
    advance(weather, host, dice)
    // One incident per host in six days, with a quiet time after each.
    if ((incident === undefined || atMs > incident.untilMs + 6 * hourMs) && dice.chance(sampleMs / (6 * dayMs)))
      machine.incident = strike(atMs, dice)
    const values = gauges(machine, atMs, rest, setting, dice)
    const limits = limitsOf(host)
    for (const metric of metrics) {
      if (dice.chance(0.004)) continue
      const [warn, critical] = (host.thresholds ? limits[metric] : undefined) ?? [null, null]
      emit(
        'infra-metric',
        atMs + dice.between(500, 15_000),
        {
          event_id: setting.nextId('i'),
          tenant_id: setting.tenant,
          host_id: host.id,
          metric,
          measured_at: atMs,
          utc_offset_min: setting.region.offsetMin,
          value: rounded(values[metric]),
          unit: unitOf[metric],
          warn_above: warn,
          critical_above: critical,
        },
        counts(machine.incident, metric, atMs) ? machine.incident!.kind : undefined,
      )
    }
  }

  return {
    play(day, emit) {
      const dice = setting.dice('samples', day)
      const midnight = midnightMs(setting.region, day)
      const rest = setting.region.weekend.includes(weekdayOf(day))
      for (const machine of machines)
        for (let atMs = midnight + machine.phaseMs; atMs < midnight + dayMs; atMs += sampleMs)
          sample(machine, atMs, rest, emit, dice)
    },
  }
}
