import type { NewRecord } from '../../src/log/event-log.js'

/** Records that are no events of the stream, each in another way, and the reason that their dead letters must give. */
export const poisons: readonly {
  readonly code: string
  readonly spoil: (event: Record<string, unknown>) => Buffer | null
}[] = [
  { code: 'BAD_JSON', spoil: (event) => Buffer.from(JSON.stringify(event).slice(0, -20)) },
  { code: 'BAD_JSON', spoil: () => Buffer.from('') },
  { code: 'BAD_FIELD', spoil: (event) => json({ ...event, lat: 'north' }) },
  { code: 'BAD_FIELD', spoil: (event) => json({ ...event, device_id: undefined }) },
  { code: 'BAD_FIELD', spoil: (event) => json({ ...event, lon: 1_000 }) },
  { code: 'TIME_OUT_OF_RANGE', spoil: (event) => json({ ...event, ts: Date.UTC(2_100, 0, 1) }) },
  { code: 'TOO_LARGE', spoil: (event) => json({ ...event, device_id: 'd'.repeat(300_000) }) },
]

const json = (event: object): Buffer => Buffer.from(JSON.stringify(event))

/** The record with another content: a bad one at the place of a good one. */
export const spoiled = ({ key, value }: NewRecord, kind: number): NewRecord => ({
  key,
  value: poisons[kind]!.spoil(JSON.parse(value!.toString()) as Record<string, unknown>),
})
