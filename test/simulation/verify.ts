import { readDeadLetter, type StoredDeadLetter } from '../../src/consumers/ground/dead-letter-record.js'
import type { LogRecord, Offset } from '../../src/log/event-log.js'
import type { Servers } from './ports.js'
import type { Acknowledged } from './producers.js'
import { contentOf, Reading } from './reading.js'
import { stream } from './stream.js'
import { routingsOf, tenantsOf, undisturbed, type Undisturbed } from './undisturbed.js'
import { verifyWarehouse } from './verify-warehouse.js'

/** What is wrong, a sentence each. */
export async function verify(servers: Servers, acknowledged: readonly Acknowledged[]): Promise<readonly string[]> {
  const wrong: string[] = []
  const [routing, tenants] = [routingsOf(servers.log), tenantsOf(servers.log)]
  const wanted: Undisturbed[] = []
  for (let partition = 0; partition < stream.stream.partitions; partition++) {
    const at = (topic: string): readonly LogRecord[] => servers.log.partition({ topic, partition }).records
    const reading = new Reading()
    reading.take(at(stream.topics.predictions))
    const events = at(stream.topics.events)
    const calm = await undisturbed(partition, events, (offset) => routing(reading.controlOf(offset)), tenants)
    const place = `${stream.topics.events}/${partition}`
    wrong.push(...reading.violations.map((violation) => `${place}: ${violation}`))
    wrong.push(...verifyResults(place, events, reading, calm, deadLettersOf(at(stream.topics.deadLetters))))
    wrong.push(...verifyState(place, servers, partition, events.at(-1)?.offset ?? -1, calm))
    wanted.push(calm)
  }
  return [
    ...wrong,
    ...verifyAcknowledged(servers, acknowledged),
    ...verifyWarehouse(servers.warehouse, servers.log, wanted, servers.hazards.counts()['two owners'] > 0),
  ]
}

const deadLettersOf = (records: readonly LogRecord[]): Map<Offset, StoredDeadLetter[]> => {
  const letters = new Map<Offset, StoredDeadLetter[]>()
  for (const record of records) {
    const letter = readDeadLetter(record)!
    letters.set(letter.offset, [...(letters.get(letter.offset) ?? []), letter])
  }
  return letters
}

/** Each offset has one visible result, and it is the undisturbed one. */
function verifyResults(
  place: string,
  events: readonly LogRecord[],
  { results }: Reading,
  calm: Undisturbed,
  letters: ReadonlyMap<Offset, readonly StoredDeadLetter[]>,
): string[] {
  const wrong: string[] = []
  for (const { offset } of events) {
    const [got, want, dead] = [results.get(offset), calm.results.get(offset), calm.dead.get(offset)]
    if (want !== undefined && got === undefined) wrong.push(`${place} ${offset} has no result`)
    else if (got !== undefined && want === undefined)
      wrong.push(`${place} ${offset} is a dead letter and has a ${got.kind} as well`)
    else if (got !== undefined && want !== undefined && contentOf(got) !== contentOf(want))
      wrong.push(`${place} ${offset} differs from the undisturbed run: ${difference(got, want)}`)
    const written = letters.get(offset) ?? []
    if (dead === undefined && !written.every(isUnfinished))
      wrong.push(`${place} ${offset} is no dead letter, but is among them`)
    if (dead !== undefined && written.length === 0)
      wrong.push(`${place} ${offset} should be a dead letter (${dead.code})`)
    for (const letter of written)
      if (dead !== undefined && !sameDeadLetter(letter, dead))
        wrong.push(`${place} ${offset}: its dead letter is not what came, or has another reason than ${dead.code}`)
  }
  const known = new Set(events.map(({ offset }) => offset))
  for (const offset of [...results.keys(), ...letters.keys()])
    if (!known.has(offset)) wrong.push(`${place} ${offset} has a result, but no such event came`)
  return wrong
}

/** Its owner failed before the block; the next owner knew the tenant. */
const isUnfinished = ({ code }: { readonly code: string }): boolean => code === 'UNKNOWN_TENANT'

function difference(got: object, want: object): string {
  const differing = Object.keys(want).filter(
    (key) => key !== 'control' && JSON.stringify(got[key as never]) !== JSON.stringify(want[key as never]),
  )
  return differing
    .map((key) => `${key} ${JSON.stringify(got[key as never])} instead of ${JSON.stringify(want[key as never])}`)
    .join(', ')
}

function sameDeadLetter(
  letter: StoredDeadLetter,
  { record, code, reason }: { readonly record: LogRecord; readonly code: string; readonly reason: string },
): boolean {
  const same = (one: Buffer | null, other: Buffer | null): boolean =>
    one === null || other === null ? one === other : one.equals(other)
  const headers = Object.entries(record.headers)
  return (
    letter.code === code &&
    letter.reason === reason.slice(0, 1_000) &&
    same(letter.key, record.key) &&
    same(letter.value, record.value) &&
    Object.keys(letter.headers).length === headers.length &&
    headers.every(([name, value]) => same(letter.headers[name] ?? null, value))
  )
}

/** The stored state is the undisturbed one, byte for byte, but for what has expired and may be gone. */
function verifyState(place: string, { state }: Servers, partition: number, last: Offset, calm: Undisturbed): string[] {
  const stored = state.at({ stream: stream.stream.name, partition })
  if (stored === undefined) return last < 0 ? [] : [`the state of ${place} is gone`]
  const wrong = stored.last === last ? [] : [`the state of ${place} stands at ${stored.last} instead of ${last}`]
  for (const [key, { blob, expiresAtMs }] of calm.blobs) {
    const found = stored.blobs.get(key)
    const name = JSON.stringify(key)
    if (found === undefined) {
      if (expiresAtMs >= calm.sweptMs) wrong.push(`the state of ${place} has nothing under ${name}`)
    } else if (!found.blob.equals(blob)) {
      const bytes = `${found.blob.toString('hex')} instead of ${blob.toString('hex')}`
      wrong.push(`the state of ${place} has other bytes under ${name}: ${bytes}`)
    }
  }
  for (const [key, { expiresAtMs }] of stored.blobs)
    if (!calm.blobs.has(key) && expiresAtMs >= calm.clockMs)
      wrong.push(`the state of ${place} has ${JSON.stringify(key)}, which should not be there`)
  return wrong
}

/** What a producer was told is there is there, where it was said to be. */
function verifyAcknowledged({ log }: Servers, acknowledged: readonly Acknowledged[]): string[] {
  return acknowledged.flatMap(({ topic, partition, offset, is }) => {
    const record = log.partition({ topic, partition }).records.find((one) => one.offset === offset)
    const held = record === undefined ? [] : [record.headers['event_id']?.toString(), record.value?.toString('latin1')]
    return held.includes(is) ? [] : [`${topic}/${partition} ${offset} was acknowledged, but is not there`]
  })
}
