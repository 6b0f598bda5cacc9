import { test } from 'vitest'
import { meterReading } from '../../../src/streams/built-in/meter-reading.js'
import { drive } from '../../drive/drive.js'
import { dailyReadings, plate, reading } from '../../drive/words/meter-reading.js'

const month = dailyReadings('m1', { days: 30, from: 1_000, perDay: 10 })

test('a reading that continues the consumption of the meter is low risk', () =>
  drive(meterReading)
    .given(month)
    .when(reading({ meter: 'm1', value: 1_300, after: '1d' }))
    .then({ risk: 'low', features: { consumed: 10, consumed_per_day: 10, consumption_ratio: { from: 0.9, to: 1.1 } } }))

test('the first reading of a meter is low risk', () =>
  drive(meterReading)
    .when(reading({ meter: 'm1', value: 1_300 }))
    .then({ risk: 'low', features: { consumed: null, jump: null } }))

test('a counter that falls is high risk, because of what it consumed', () =>
  drive(meterReading)
    .given(month)
    .when(reading({ meter: 'm1', value: 1_285, after: '1d' }))
    .then({ risk: 'high', reasons: ['consumed'], features: { consumed: -5 } }))

test('a digit that was misread is far from the trend of the meter: high risk', () =>
  drive(meterReading)
    .given(month)
    .when(reading({ meter: 'm1', value: 7_300, after: '1d' }))
    .then({ risk: 'high', reasons: ['jump'], features: { jump: { from: 12 } } }))

test('another meter is judged by its own past', () =>
  drive(meterReading)
    .given(month, dailyReadings('m2', { days: 30, from: 7_000, perDay: 10 }))
    .when(reading({ meter: 'm2', value: 7_300, after: '1d' }))
    .then({ risk: 'low', features: { consumed: 10 } }))

test('a display of which the OCR read two digits less is at least medium risk', () =>
  drive(meterReading)
    .given(month)
    .when(reading({ meter: 'm1', value: 1_300, after: '1d', columns: { text: '1300' } }))
    .then({ risk: 'medium', features: { digits_missing: 2 } }))

test('a plate has no consumption', () =>
  drive(meterReading)
    .given(plate({ text: 'B AB 12' }))
    .when(plate({ text: 'B XY 99', after: '1h' }))
    .then({ risk: 'low', features: { is_plate: 1, consumed: null, text_changed: 1, text_familiarity_28d: 0 } }))

test('a confidence above 1 is a dead letter that names the field', () =>
  drive(meterReading)
    .when(reading({ meter: 'm1', value: 1, columns: { confidence: 1.5 } }))
    .then({ deadLetter: 'BAD_FIELD', because: /'confidence'/ }))

test('a reading older than the newest but one by more than a day is late; one within the day is not', () =>
  drive(meterReading)
    .given(month)
    .when(reading({ meter: 'm1', value: 1_000, ago: '3d' }), reading({ meter: 'm1', value: 1_290, ago: '23h' }))
    .then([{ late: true }, { late: false }]))
