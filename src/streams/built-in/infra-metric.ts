import type { InfraMetricEvent } from './events.js'
import { exp2 } from '../../base/exp2.js'
import { defineStream } from '../language/define.js'
import { anyOf, ramp } from '../language/evidence.js'
import { avsc } from '../schema/schema.js'
import { delta, difference, elapsed, ewma, last, rate, ratio, seasonal } from '../language/sequential.js'
import { neighbourDistance, peak, surprise } from '../language/surprise.js'
import { field, hour, over, weekday } from '../language/values.js'
import { count, max, mean, min, robustZscore, std, trend, zscore } from '../language/windowed.js'

const local = { offset: 'utc_offset_min' } as const
/** All features that need the values share one list: a day of five-minute samples. */
const day = { by: 'series', prior: true, exact: 288, floor: 1e-6 } as const

/**
 * Samples of server metrics. Detects values unlike the metric's own past, whatever its unit and shape.
 *
 * Four features are what an operator would see: values that never followed each other before, a level that left the
 * level of the last days, and a value that is unusual for its hour of the day and of the week. Each is ranked among all
 * earlier values of the same metric. `rarity` combines the four ranks as if they were independent. They are not, so
 * `surprise` ranks `rarity` among its own past: on a quiet metric, `surprise` is at least d in 10^-d of the samples.
 * An alarm that does not exceed the peak of the last half day belongs to the same incident. bench/nab.md describes how
 * well this works.
 */
export const infraMetric = defineStream({
  name: 'infra-metric',
  schema: avsc<InfraMetricEvent>(import.meta.url, '../../../schemas/infra-metric.avsc'),
  id: 'event_id',
  time: 'measured_at',
  tenant: 'tenant_id',
  entities: { series: ['host_id', 'metric'], host: 'host_id' },
  features: {
    // Novelty.
    unlike_past: neighbourDistance('value', { by: 'series', exact: 576 }),
    mean_2h: mean('value', '2h', { by: 'series', tile: '2m' }),
    mean_3d: mean('value', '3d', { by: 'series', tile: '1h' }),
    shift: difference('mean_2h', 'mean_3d'),
    seasonal_day: seasonal('value', 'measured_at', {
      by: 'series',
      period: 'day',
      slots: 24,
      ...local,
      horizon: '7d',
      floor: 1e-6,
      atLeast: 12,
    }),
    seasonal_week: seasonal('value', 'measured_at', {
      by: 'series',
      period: 'week',
      slots: 42,
      ...local,
      horizon: '28d',
      floor: 1e-6,
      atLeast: 12,
    }),
    rarity: surprise(['unlike_past', 'shift', 'seasonal_day', 'seasonal_week'], { by: 'series', halfLife: '28d' }),
    surprise: surprise(['rarity'], { by: 'series', tail: true, halfLife: '28d' }),
    surprise_peak_12h: peak('surprise', '12h', { by: 'series', tile: '12m', otherwise: 0 }),

    // Compared with the last hours. The floors prevent infinite deviations after a flat line.
    deviation_1h: zscore('value', '1h', day),
    robust_24h: robustZscore('value', '24h', { ...day, atLeast: 12 }),
    slope_per_h: trend('value', '6h', { ...day, as: 'slope', per: '1h', atLeast: 12 }),
    fast_ewma: ewma('value', '15m', { by: 'series', horizon: '7d', floor: 1e-6 }),
    slow_ewma: ewma('value', '12h', { by: 'series', horizon: '7d', floor: 1e-6 }),

    // Change.
    change: delta('value', { by: 'series', horizon: '1d' }),
    change_per_s: rate('value', { by: 'series', horizon: '1d' }),
    std_1h: std('value', '1h', { by: 'series', tile: '5m' }),
    std_3d: std('value', '3d', { by: 'series', tile: '1h' }),
    unrest: ratio('std_1h', 'std_3d'),
    shift_deviations: ratio('shift', 'std_3d'),

    // Level.
    value: field('value'),
    previous: last('value', { by: 'series', horizon: '1d' }),
    of_warning: over('value', 'warn_above'),
    of_critical: over('value', 'critical_above'),
    min_7d: min('value', '7d', { by: 'series', prior: true, tile: '6h' }),
    max_7d: max('value', '7d', { by: 'series', prior: true, tile: '6h' }),
    above_max_7d: difference('value', 'max_7d'),
    below_min_7d: difference('min_7d', 'value'),

    // The sampling itself, and the rest of the host.
    gap_s: elapsed({ by: 'series', horizon: '7d' }),
    samples_1h: count('1h', { by: 'series', tile: '5m' }),
    host_samples_5m: count('5m', { by: 'host', tile: '1m' }),
    hour: hour('measured_at', local),
    weekday: weekday('measured_at', local),
  },
  model: 'infra-anomaly',
  heuristic: (x) => {
    const isNew = !(x.surprise <= x.surprise_peak_12h)
    return anyOf(
      unusual(x.surprise) * (isNew ? 1 : 0.4),
      0.5 * ramp(x.of_warning, 1, 1.2),
      0.9 * ramp(x.of_critical, 0.99, 1.05),
    )
  },
  typical: {
    rarity: 0.4,
    surprise: 0.4,
    surprise_peak_12h: 1.5,
    of_warning: 0.5,
    of_critical: 0.4,
    unrest: 1,
    gap_s: 300,
    samples_1h: 12,
    host_samples_5m: 4,
    hour: 12,
  },
  risk: { high: 0.8, medium: 0.5 },
  // Agents buffer samples while they are disconnected and send them later, host by host, so another host's newest
  // sample does not decide lateness.
  latenessBy: 'series',
  clock: 'host',
  outcome: { matureAfter: '2d', silenceMeans: 'unknown' },
})

/** One in 316 (2.5 decades) is medium risk, one in a thousand is high risk: odds of 1 and of 4. */
function unusual(decades: number): number {
  return Number.isNaN(decades) ? 0 : 1 / (1 + exp2(4 * (2.5 - decades)))
}
