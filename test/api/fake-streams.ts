/** The streams of the fake engine: one with an optional column and a composite entity, and the sync stream. */
import type { AvroRecord, StreamView } from '../../src/contracts/streams.js'

const string = (name: string) => ({ name, type: 'string' })
const time = (name: string) => ({ name, type: { type: 'long', logicalType: 'timestamp-millis' } })

const visit: AvroRecord = {
  type: 'record',
  name: 'Visit',
  doc: 'Somebody passes a door.',
  fields: [
    string('event_id'),
    string('tenant_id'),
    string('person_id'),
    time('at'),
    { name: 'door', type: ['null', 'string'], default: null },
    { name: 'way', type: { type: 'enum', name: 'Way', symbols: ['in', 'out'] }, doc: 'Which way.' },
  ],
}
const sync: AvroRecord = {
  type: 'record',
  name: 'Sync',
  fields: [string('event_id'), string('tenant_id'), string('user_id'), string('domain'), time('synced_at')],
}

const view = (name: string, schema: AvroRecord, timeColumn: string, entities: StreamView['entities']): StreamView => ({
  name,
  topic: name,
  partitions: 4,
  schema,
  columns: { id: 'event_id', tenant: 'tenant_id', time: timeColumn, key: 'tenant_id' },
  entities,
  features: [
    { name: 'visits_1h', kind: 'count' },
    { name: 'never', kind: 'mean' },
  ],
  family: null,
  serving: { by: 'heuristic', version: 'heuristic_v1', problem: null },
  risk: { high: 0.8, medium: 0.5 },
  fingerprint: '0123456789abcdef',
})

export const streams: readonly StreamView[] = [
  view('visit', visit, 'at', [
    { name: 'person', columns: ['person_id'], scope: 'tenant' },
    { name: 'passage', columns: ['person_id', 'door'], scope: 'tenant' },
  ]),
  view('sync', sync, 'synced_at', [{ name: 'user', columns: ['user_id'], scope: 'tenant' }]),
]
