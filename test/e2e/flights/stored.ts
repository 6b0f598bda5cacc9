interface Prediction {
  readonly tenant: string
  readonly flight_id: string
  readonly event_ms: number
  readonly record_ms: number
  readonly late: number
  /** Null is NaN. */
  readonly vector: readonly (number | null)[]
}

interface Raw {
  readonly value: string
  readonly record_ms: number
}

/** What the warehouse holds of the stream `flights`. */
export interface Stored {
  readonly predictions: readonly Prediction[]
  readonly events: readonly Raw[]
  readonly deadLetters: readonly (Raw & { readonly code: string })[]
}

type Rows = <Row>(sql: string) => Promise<readonly Row[]>

const recordMs = 'toUnixTimestamp64Milli(record_time) AS record_ms'

export const readStored = async (rows: Rows): Promise<Stored> => ({
  predictions: await rows(
    `SELECT tenant, event_id AS flight_id, toUnixTimestamp64Milli(event_time) AS event_ms, ${recordMs}, late, vector
     FROM predictions_final WHERE stream = 'flights' AND role = 'served' ORDER BY flight_id`,
  ),
  events: await rows(`SELECT value, ${recordMs} FROM events FINAL WHERE stream = 'flights' ORDER BY value`),
  deadLetters: await rows(
    `SELECT value, ${recordMs}, code FROM dead_letters FINAL WHERE stream = 'flights' ORDER BY value`,
  ),
})

/** Whether a value of a vector is the number as float32. Sums in another order differ in the last digits. */
export function isFloat32(found: number | null, expected: number): boolean {
  if (found === null || Number.isNaN(expected)) return found === null && Number.isNaN(expected)
  return Math.abs(found - expected) <= 1e-6 * Math.max(1, Math.abs(expected))
}
