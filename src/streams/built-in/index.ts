import { attendance } from './attendance.js'
import { infraMetric } from './infra-metric.js'
import { meterReading } from './meter-reading.js'
import type { Stream } from '../stream.js'
import { sync } from './sync.js'

/** The streams that the engine includes. */
export const builtinStreams: readonly Stream[] = [attendance, meterReading, sync, infraMetric]
