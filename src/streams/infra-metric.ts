import type { InfraMetricEvent } from './built-in-events.js'
import { defineStream } from './define.js'
import { anyOf, ramp, when } from './evidence.js'
import { avsc } from './schema.js'
import { delta, difference, elapsed, ewma, last, rate, ratio, seasonal } from './sequential.js'
import { field, hour, over, weekday } from './values.js'
import { count, max, mean, min, quantile, robustZscore, std, trend, zscore } from './windowed.js'

const local = { offset: 'utc_offset_min' } as const

/** Samples of server metrics. What is looked for: values unlike the metric's own past, whatever its unit. */
export const infraMetric = defineStream({
  name: 'infra-metric',
  schema: avsc<InfraMetricEvent>(import.meta.url, '../../schemas/infra-metric.avsc'),
  id: 'event_id',
  time: 'measured_at',
  tenant: 'tenant_id',
  entities: { series: ['host_id', 'metric'], host: 'host_id' },
  features: {
    // Against the last hours. The floors keep a flat line from making every flicker infinite.
    deviation_1h: zscore('value', '1h', { by: 'series', prior: true, exact: 360, floor: 1e-6 }),
    robust_24h: robustZscore('value', '24h', { by: 'series', prior: true, exact: 288, floor: 1e-6, atLeast: 12 }),
    robust_7d: robustZscore('value', '7d', { by: 'series', prior: true, exact: 2_016, floor: 1e-6, atLeast: 48 }),
    fast_ewma: ewma('value', '15m', { by: 'series', horizon: '7d', floor: 1e-6 }),
    slow_ewma: ewma('value', '12h', { by: 'series', horizon: '7d', floor: 1e-6 }),
    trend_6h: trend('value', '6h', { by: 'series', prior: true, exact: 144, floor: 1e-6, atLeast: 12 }),
    slope_per_h: trend('value', '6h', { by: 'series', prior: true, exact: 144, as: 'slope', per: '1h', atLeast: 12 }),

    // Against the same time of other days.
    seasonal_day: seasonal('value', 'measured_at', { by: 'series', period: 'day', slots: 24, ...local, horizon: '28d', floor: 1e-6, atLeast: 12 }),
    seasonal_week: seasonal('value', 'measured_at', { by: 'series', period: 'week', slots: 168, ...local, horizon: '35d', floor: 1e-6, atLeast: 6 }),

    // Change.
    change: delta('value', { by: 'series', horizon: '1d' }),
    change_per_s: rate('value', { by: 'series', horizon: '1d' }),
    std_1h: std('value', '1h', { by: 'series', tile: '5m' }),
    std_24h: std('value', '24h', { by: 'series', tile: '1h' }),
    unrest: ratio('std_1h', 'std_24h'),
    mean_1h: mean('value', '1h', { by: 'series', tile: '5m' }),
    mean_7d: mean('value', '7d', { by: 'series', tile: '6h' }),
    shift: difference('mean_1h', 'mean_7d'),
    shift_deviations: ratio('shift', 'std_24h'),

    // Level.
    value: field('value'),
    previous: last('value', { by: 'series', horizon: '1d' }),
    of_warning: over('value', 'warn_above'),
    of_critical: over('value', 'critical_above'),
    min_7d: min('value', '7d', { by: 'series', prior: true, tile: '6h' }),
    max_7d: max('value', '7d', { by: 'series', prior: true, tile: '6h' }),
    above_max_7d: difference('value', 'max_7d'),
    below_min_7d: difference('min_7d', 'value'),
    p99_7d: quantile('value', 0.99, '7d', { by: 'series', prior: true, exact: 2_016 }),
    of_p99_7d: ratio('value', 'p99_7d'),

    // The sampling itself, and the rest of the host.
    gap_s: elapsed({ by: 'series', horizon: '7d' }),
    samples_1h: count('1h', { by: 'series', tile: '5m' }),
    host_samples_5m: count('5m', { by: 'host', tile: '1m' }),
    hour: hour('measured_at', local),
    weekday: weekday('measured_at', local),
  },
  model: 'infra-anomaly',
  heuristic: (x) =>
    anyOf(
      0.01,
      0.6 * ramp(Math.abs(x.robust_7d), 4, 20),
      0.3 * ramp(Math.abs(x.robust_24h), 5, 25),
      0.4 * ramp(Math.abs(x.slow_ewma), 4, 15),
      0.3 * ramp(Math.abs(x.seasonal_week), 4, 12),
      when(x.above_max_7d > 0 || x.below_min_7d > 0, 0.3),
      0.5 * ramp(x.of_warning, 1, 1.2),
      0.9 * ramp(x.of_critical, 0.99, 1.05),
    ),
  typical: { of_warning: 0.5, of_critical: 0.4, unrest: 1, of_p99_7d: 0.8, gap_s: 300, samples_1h: 12, host_samples_5m: 4, hour: 12 },
  risk: { high: 0.8, medium: 0.5 },
  lateness: '15m',
  outcome: { matureAfter: '2d', silenceMeans: 'unknown' },
})
