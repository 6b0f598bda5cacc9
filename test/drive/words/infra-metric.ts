import type { InfraMetricEvent } from '../../../src/streams/built-in/events.js'
import type { Duration } from '../../../src/features/feature.js'
import { steps, usualTenant, type Step, type When } from '../story.js'

export interface Sample extends When {
  readonly host: string
  readonly metric?: string
  readonly value: number
  readonly columns?: Partial<InfraMetricEvent>
}

/** One sample, five minutes after the one before it. */
export const sample =
  ({ host, metric = 'cpu_percent', value, columns = {}, after = '5m', ...when }: Sample): Step =>
  (narrator) => {
    const { number, atMs } = narrator.next({ after, ...when })
    const event: InfraMetricEvent = {
      event_id: `sample-${number}`,
      tenant_id: usualTenant,
      host_id: host,
      metric,
      measured_at: atMs,
      utc_offset_min: 0,
      value,
      unit: 'percent',
      warn_above: null,
      critical_above: null,
      ...columns,
    }
    return [narrator.send(`${metric} of ${host} is ${value}`, { ...event }, usualTenant)]
  }

/** Samples of a host, each `every` after the one before it; the value is a function of its number. */
export const samples = (
  host: string,
  {
    count,
    every = '5m',
    value,
  }: { readonly count: number; readonly every?: Duration; readonly value: (number: number) => number },
): Step => steps(...Array.from({ length: count }, (_, i) => sample({ host, value: value(i), after: every })))

/** A load that goes up and down a little around a level, never twice the same. */
export const around = (level: number) => (number: number) =>
  level + 3 * Math.sin(number * 0.7) + ((number * 13) % 7) / 7
