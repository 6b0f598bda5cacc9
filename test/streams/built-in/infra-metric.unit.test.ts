import { test } from 'vitest'
import { infraMetric } from '../../../src/streams/built-in/infra-metric.js'
import { drive } from '../../drive/drive.js'
import { around, sample, samples } from '../../drive/words/infra-metric.js'

const week = samples('web-1', { count: 2_016, value: around(40) })

test('a sample like those of the week before is low risk', () =>
  drive(infraMetric)
    .given(week)
    .when(sample({ host: 'web-1', value: around(40)(2_016) }))
    .then({ risk: 'low', features: { samples_1h: { from: 12, to: 13 }, gap_s: 300 } }))

test('the first sample of a host is low risk', () =>
  drive(infraMetric)
    .when(sample({ host: 'web-9', value: 99 }))
    .then({ risk: 'low', features: { previous: null, change: null } }))

test('a value far from everything that the metric ever was is high risk, because it surprises', () =>
  drive(infraMetric)
    .given(week)
    .when(sample({ host: 'web-1', value: 97 }))
    .then({ risk: 'high', reasons: ['surprise'], features: { above_max_7d: { from: 50 } } }))

test('a value beyond the critical threshold is high risk, whatever the past', () =>
  drive(infraMetric)
    .when(sample({ host: 'web-9', value: 99, columns: { warn_above: 80, critical_above: 90 } }))
    .then({ risk: 'high', reasons: ['of_critical'], features: { of_critical: 1.1 } }))

test('another host, and another metric of the same host, have a past of their own', () =>
  drive(infraMetric)
    .given(week)
    .when(sample({ host: 'web-2', value: 97 }), sample({ host: 'web-1', metric: 'memory_percent', value: 97 }))
    .then([
      { risk: 'low', features: { previous: null } },
      { risk: 'low', features: { previous: null } },
    ]))

test('samples that an agent kept while it was cut off are judged by their own series alone', () =>
  drive(infraMetric)
    .given(samples('web-1', { count: 20, value: around(40) }))
    .when(sample({ host: 'web-2', value: 40, ago: '20d' }), sample({ host: 'web-1', value: 40, ago: '20d' }))
    .then([{ late: false }, { late: true }]))

test('a sample without a value is a dead letter that names the field', () =>
  drive(infraMetric)
    .when(sample({ host: 'web-1', value: Number.NaN }))
    .then({ deadLetter: 'BAD_FIELD', because: /'value'/ }))
