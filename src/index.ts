/** What a stream file outside the package is written with: `import { avsc, count, defineStream } from 'tidemill'`. */
export { defineStream, type EntityOf, type StreamDefinition } from './streams/language/define.js'
export { avsc, type Schema } from './streams/schema/schema.js'
export type { Timestamp } from './streams/schema/columns.js'
export { eventTypes } from './streams/schema/event-type.js'
export type { Stream } from './streams/stream.js'

export {
  count,
  distinct,
  familiarity,
  max,
  mean,
  min,
  othersSince,
  quantile,
  robustZscore,
  share,
  std,
  sum,
  trend,
  zscore,
} from './streams/language/windowed.js'
export { neighbourDistance, peak, surprise } from './streams/language/surprise.js'
export {
  changed,
  delta,
  difference,
  distanceKm,
  elapsed,
  ewma,
  flag,
  last,
  rate,
  ratio,
  seasonal,
  speedKmh,
} from './streams/language/sequential.js'
export {
  abs,
  constant,
  daysBetween,
  digits,
  field,
  hour,
  hoursBetween,
  kilometresBetween,
  length,
  log1p,
  minus,
  minuteOfDay,
  minuteOfWorkday,
  minutesBetween,
  missing,
  over,
  plus,
  secondsBetween,
  times,
  weekday,
  within,
} from './streams/language/values.js'
export { anyOf, ramp, when } from './streams/language/evidence.js'
export { EngineError } from './base/errors.js'
