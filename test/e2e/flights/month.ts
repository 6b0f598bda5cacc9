import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** An event of the stream `flights`, as its producer writes it. */
export interface Flight {
  readonly flight_id: string
  readonly carrier: string
  /** Null where the source has none: the record becomes a dead letter, because the schema wants one. */
  readonly plane: string | null
  readonly origin: string
  readonly dest: string
  readonly at: number
  readonly delay: number | null
  readonly cancelled: boolean
}

const minuteMs = 60_000
/** New York is five hours behind UTC in January. */
const offsetMinutes = 5 * 60

/** day, sched_dep_time, dep_delay, carrier, flight, tailnum, origin, dest. */
type Columns = [string, string, string, string, string, string, string, string]

function flightOf(line: string): Flight {
  const [day, scheduled, late, carrier, number, tail, origin, dest] = line.split(',') as Columns
  const delay = late === 'NA' ? null : Number(late)
  const minutes = Math.floor(Number(scheduled) / 100) * 60 + (Number(scheduled) % 100)
  return {
    flight_id: `2013-01-${day.padStart(2, '0')}-${carrier}${number}-${origin}`,
    carrier,
    plane: tail === 'NA' ? null : tail,
    origin,
    dest,
    at: Date.UTC(2013, 0, Number(day)) + (minutes + offsetMinutes + (delay ?? 0)) * minuteMs,
    delay,
    cancelled: delay === null,
  }
}

/** The flights of January 2013, in the order in which the source lists them. */
export function readMonth(): readonly Flight[] {
  const file = new URL('../../fixtures/flights/january-2013.csv.gz', import.meta.url)
  const [, ...lines] = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n')
  return lines.map(flightOf)
}
