import type { MeterReadingEvent } from '../../../src/streams/built-in/events.js'
import { steps, usualTenant, type Step, type When } from '../story.js'

export interface Reading extends When {
  readonly meter: string
  readonly value: number
  readonly columns?: Partial<MeterReadingEvent>
}

/** A picture of a meter with a display of six digits, read by OCR. */
export const reading =
  ({ meter, value, columns = {}, ...when }: Reading): Step =>
  (narrator) => {
    const { number, atMs } = narrator.next(when)
    const event: MeterReadingEvent = {
      event_id: `reading-${number}`,
      tenant_id: usualTenant,
      kind: 'meter',
      meter_id: meter,
      site_id: 'north',
      reader_id: 'ann',
      camera_id: 'camera-1',
      read_at: atMs,
      utc_offset_min: 0,
      text: String(value).padStart(6, '0'),
      value,
      confidence: 0.95 + (number % 4) / 100,
      min_confidence: 0.85,
      digits_expected: 6,
      sharpness: 0.8,
      entered_by: 'camera',
      ...columns,
    }
    return [narrator.send(`meter ${meter} is read as ${event.text}`, { ...event }, usualTenant)]
  }

/** One reading a day of a meter that counts so much a day. */
export const dailyReadings = (
  meter: string,
  { days, from, perDay }: { readonly days: number; readonly from: number; readonly perDay: number },
): Step =>
  steps(...Array.from({ length: days }, (_, day) => reading({ meter, value: from + day * perDay, after: '1d' })))

/** A plate read by the camera of a gate. */
export const plate = ({ text, ...when }: When & { readonly text: string }): Step =>
  reading({
    meter: 'gate-1',
    value: 0,
    ...when,
    columns: { kind: 'plate', text, value: null, reader_id: null, digits_expected: 7 },
  })
