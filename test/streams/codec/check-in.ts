/** An event of the attendance stream and its codec. */
import { builtinStreams } from '../../../src/streams/built-in/index.js'
import { eventCodec } from '../../../src/streams/codec/codec.js'

export const attendance = builtinStreams[0]!
export const codec = eventCodec(attendance)
export const checkIn = {
  event_id: 'e1',
  tenant_id: 'acme',
  person_id: 'ann',
  device_id: 'p1',
  site_id: 's1',
  occurred_at: 1_736_121_575_526,
  utc_offset_min: 420,
  kind: 'in',
  method: 'gps',
  lat: -6.32461,
  lon: 109.839298,
  accuracy_m: 51,
  site_lat: null,
  site_lon: null,
  geofence_m: null,
  battery: 0.99,
}
export const json = (fields: object): Buffer => Buffer.from(JSON.stringify(fields))
export const without = (name: string): object =>
  Object.fromEntries(Object.entries(checkIn).filter(([key]) => key !== name))
