import type { AttendanceEvent } from '../../../src/streams/built-in/events.js'
import type { Step, When } from '../story.js'
import { steps, usualTenant } from '../story.js'

/** A place on the map, and how many metres the geofence reaches. */
export interface Site {
  readonly site: string
  readonly lat: number
  readonly lon: number
}

export const berlin: Site = { site: 'berlin', lat: 52.52, lon: 13.405 }
/** 255 km from Berlin. */
export const hamburg: Site = { site: 'hamburg', lat: 53.5511, lon: 9.9937 }

export interface Device {
  readonly device: string
  readonly method: AttendanceEvent['method']
}

export const phone = (device: string): Device => ({ device, method: 'gps' })
/** A reader on a wall, which knows where it is. */
export const terminal = (device: string): Device => ({ device, method: 'nfc' })

export interface Punch extends When {
  readonly person: string
  /** A name alone is a phone. */
  readonly device: string | Device
  readonly site?: Site
  readonly tenant?: string
  /** Other columns of the event. */
  readonly columns?: Partial<AttendanceEvent>
}

const metresPerDegree = 111_195
/** A receiver never reports the same position twice: some metres around a point inside the geofence. */
const scatter = (number: number): number => (25 + ((number * 37) % 20)) / metresPerDegree

const punch =
  (kind: 'in' | 'out') =>
  ({ person, device, site = berlin, tenant = usualTenant, columns = {}, ...when }: Punch): Step =>
  (narrator) => {
    const { number, atMs } = narrator.next(when)
    const used = typeof device === 'string' ? phone(device) : device
    const isPhone = used.method === 'gps'
    const event: AttendanceEvent = {
      event_id: `punch-${number}`,
      tenant_id: tenant,
      person_id: person,
      device_id: used.device,
      site_id: site.site,
      occurred_at: atMs,
      utc_offset_min: 0,
      kind,
      method: used.method,
      lat: site.lat + (isPhone ? scatter(number) : 0),
      lon: site.lon,
      accuracy_m: isPhone ? 12 + (number % 7) : null,
      site_lat: site.lat,
      site_lon: site.lon,
      geofence_m: 100,
      battery: isPhone ? 0.6 : null,
      ...columns,
    }
    return [narrator.send(`${person} checks ${kind} with ${used.device}`, { ...event }, tenant)]
  }

export const checkIn = punch('in')
export const checkOut = punch('out')

/** Some people, one after the other. */
export const people = (count: number, called = 'person') => ({
  checkInWith: (device: Device, { minutesApart }: { readonly minutesApart: number }): Step =>
    steps(
      ...Array.from({ length: count }, (_, i) =>
        checkIn({ person: `${called}-${i + 1}`, device, after: `${minutesApart}m` }),
      ),
    ),
})

/** Days of work from 8 to 16 o'clock, from the day on that follows the last event. */
export const workdays = (count: number, worker: Omit<Punch, keyof When>): Step =>
  steps(
    ...Array.from({ length: count }, () =>
      steps(checkIn({ ...worker, after: '16h' }), checkOut({ ...worker, after: '8h' })),
    ),
  )
