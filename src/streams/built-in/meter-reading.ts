import type { MeterReadingEvent } from './events.js'
import { defineStream } from '../language/define.js'
import { anyOf, ramp, when } from '../language/evidence.js'
import { avsc } from '../schema/schema.js'
import { changed, delta, elapsed, flag, rate, ratio } from '../language/sequential.js'
import { digits, field, hour, length, minus } from '../language/values.js'
import { count, distinct, familiarity, mean, share, trend, zscore } from '../language/windowed.js'

const local = { offset: 'utc_offset_min' } as const
const hourly = { tile: '1h' } as const
const daily = { tile: '1d' } as const

/** Meter displays and vehicle plates, read by OCR. Detects readings that differ from the display or plate. */
export const meterReading = defineStream({
  name: 'meter-reading',
  schema: avsc<MeterReadingEvent>(import.meta.url, '../../../schemas/meter-reading.avsc'),
  id: 'event_id',
  time: 'read_at',
  tenant: 'tenant_id',
  entities: { meter: 'meter_id', site: 'site_id', reader: 'reader_id', camera: 'camera_id' },
  features: {
    // The OCR's own figures.
    confidence: field('confidence'),
    min_confidence: field('min_confidence'),
    sharpness: field('sharpness'),
    digits_missing: minus('digits_expected', digits('text')),
    characters_missing: minus('digits_expected', length('text')),
    is_plate: flag({ kind: 'plate' }),
    is_manual: flag({ entered_by: 'manual' }),

    // The meter compared with its own past: a counter never decreases, and each meter has its own consumption.
    consumed: delta('value', { by: 'meter', horizon: '90d' }),
    consumed_per_day: rate('value', { by: 'meter', horizon: '90d', per: '1d' }),
    elapsed_s: elapsed({ by: 'meter', horizon: '90d' }),
    jump: trend('value', '90d', { by: 'meter', prior: true, exact: 120, floor: 0.5, atLeast: 4 }),
    usual_per_day: trend('value', '90d', { by: 'meter', prior: true, exact: 120, as: 'slope', per: '1d', atLeast: 4 }),
    consumption_ratio: ratio('consumed_per_day', 'usual_per_day'),
    text_changed: changed('text', { by: 'meter', horizon: '90d' }),
    readings_24h: count('24h', { by: 'meter', ...hourly }),

    // The picture: a camera that fogs up or points elsewhere.
    meter_confidence_unlike: zscore('confidence', '28d', { by: 'meter', prior: true, ...daily, floor: 0.02 }),
    camera_confidence_24h: mean('confidence', '24h', { by: 'camera', prior: true, ...hourly }),
    camera_confidence_unlike: zscore('confidence', '28d', { by: 'camera', prior: true, ...daily, floor: 0.02 }),
    camera_sharpness_unlike: zscore('sharpness', '28d', { by: 'camera', prior: true, ...daily, floor: 0.02 }),

    // The reader: readings that are typed at a desk arrive fast and from many places at once.
    reader_manual_share_28d: share({ entered_by: 'manual' }, '28d', { by: 'reader', prior: true, ...daily }),
    reader_confidence_28d: mean('confidence', '28d', { by: 'reader', prior: true, ...daily }),
    reader_readings_1h: count('1h', { by: 'reader', tile: '5m' }),
    reader_sites_1h: distinct('site_id', '1h', { by: 'reader' }),
    reader_elapsed_s: elapsed({ by: 'reader' }),
    hour: hour('read_at', local),

    // The plate: a plate that the site has seen before is rarely misread.
    text_familiarity_28d: familiarity('text', '28d', { by: 'site', prior: true, exact: 1_000 }),
    site_confidence_24h: mean('confidence', '24h', { by: 'site', prior: true, ...hourly }),
  },
  model: 'meter-ocr',
  heuristic: (x) =>
    anyOf(
      0.02,
      // A decreasing counter was misread, now or last time.
      when(x.is_plate === 0 && x.consumed < 0, 0.85),
      when(x.is_plate === 0, 0.85 * ramp(Math.abs(x.jump), 4, 12)),
      when(x.is_plate === 0, 0.6 * ramp(x.consumption_ratio, 4, 12)),
      when(x.is_plate === 0 && x.digits_missing !== 0 && !Number.isNaN(x.digits_missing), 0.7),
      when(x.is_plate === 1 && x.characters_missing !== 0 && !Number.isNaN(x.characters_missing), 0.5),
      0.7 * ramp(x.confidence, 0.75, 0.4),
      0.5 * ramp(x.min_confidence, 0.5, 0.15),
      0.3 * ramp(x.camera_confidence_unlike, -3, -8),
      when(x.is_manual === 1, 0.3 * ramp(x.reader_readings_1h, 30, 90)),
      when(x.is_manual === 1, 0.2 * ramp(x.reader_manual_share_28d, 0.3, 0.9)),
    ),
  typical: {
    confidence: 0.95,
    min_confidence: 0.85,
    sharpness: 0.8,
    consumption_ratio: 1,
    consumed: 1,
    elapsed_s: 86_400,
    readings_24h: 1,
    text_changed: 1,
    camera_confidence_24h: 0.95,
    reader_confidence_28d: 0.95,
    reader_readings_1h: 5,
    reader_sites_1h: 1,
    reader_elapsed_s: 600,
    hour: 10,
    site_confidence_24h: 0.95,
  },
  risk: { high: 0.8, medium: 0.5 },
  lateness: '24h',
  clock: 'camera',
  outcome: { matureAfter: '35d', silenceMeans: 'genuine' },
})
