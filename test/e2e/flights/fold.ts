import type { Flight } from './month.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const sumOf = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
const meanOf = (numbers: readonly number[]): number => sumOf(numbers) / numbers.length
const stdOf = (numbers: readonly number[]): number =>
  Math.sqrt(meanOf(numbers.map((number) => (number - meanOf(numbers)) ** 2)))
const delaysOf = (flights: readonly Flight[]): readonly number[] =>
  flights.flatMap(({ delay }) => (delay === null ? [] : [delay]))

/** The flights of the window (at - window, at]. */
const within = (flights: readonly Flight[], at: number, windowMs: number): readonly Flight[] =>
  flights.filter((flight) => flight.at > at - windowMs && flight.at <= at)

/** The flights of whole hours: of the hour of `at` and those before it. */
function withinHours(flights: readonly Flight[], at: number, hours: number): readonly Flight[] {
  const last = Math.floor(at / hourMs)
  return flights.filter((flight) => {
    const hour = Math.floor(flight.at / hourMs)
    return hour > last - hours && hour <= last
  })
}

/** Features by name, in the order of the vector. NaN: no value. */
export type Features = Readonly<Record<string, number>>

/** The features of a flight, from the earlier flights of its plane and of its route in the order of the log. */
function featuresOf(flight: Flight, planeBefore: readonly Flight[], routeBefore: readonly Flight[]): Features {
  const { at, delay } = flight
  const [plane, route] = [
    [...planeBefore, flight],
    [...routeBefore, flight],
  ]
  const routeWeek = within(route, at, 7 * dayMs)
  const routeHours = delaysOf(withinHours(route, at, 7 * 24))
  const routeDay = delaysOf(within(route, at, dayMs))
  const last = planeBefore.at(-1)
  return {
    delay: delay ?? Number.NaN,
    cancelled: Number(flight.cancelled),
    plane_legs_1d: within(plane, at, dayMs).length,
    plane_delay_1d: meanOf(delaysOf(within(planeBefore, at, dayMs))),
    plane_airports_7d: new Set(within(plane, at, 7 * dayMs).map(({ dest }) => dest)).size,
    plane_since_s: last === undefined ? -1 : Math.max(0, at - last.at) / 1_000,
    route_flights_6h: within(route, at, 6 * hourMs).length,
    route_worst_1d: routeDay.length === 0 ? Number.NaN : Math.max(...routeDay),
    route_cancelled_7d: routeWeek.filter(({ cancelled }) => cancelled).length / routeWeek.length,
    route_sum_7d: sumOf(routeHours),
    route_mean_7d: meanOf(routeHours),
    route_std_7d: stdOf(routeHours),
  }
}

/** The features of every flight, by its id: a plain filter over all earlier flights of the same carrier. */
export function foldMonth(flights: readonly Flight[]): ReadonlyMap<string, Features> {
  const histories = new Map<string, Flight[]>()
  const historyOf = (...parts: readonly (string | null)[]): Flight[] => {
    const name = JSON.stringify(parts)
    const history = histories.get(name) ?? []
    histories.set(name, history)
    return history
  }
  return new Map(
    flights.map((flight) => {
      const plane = historyOf('plane', flight.carrier, flight.plane)
      const route = historyOf('route', flight.carrier, flight.origin, flight.dest)
      const features = featuresOf(flight, plane, route)
      plane.push(flight)
      route.push(flight)
      return [flight.flight_id, features]
    }),
  )
}
