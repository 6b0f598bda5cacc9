import type { MemoryLog } from './memory-log.js'
import type { MemoryWarehouse } from './memory-warehouse.js'
import type { Row } from './native-rows.js'
import type { Result } from './reading.js'
import { stream } from './stream.js'
import type { Undisturbed } from './undisturbed.js'
import { outcomesTopic } from '../../src/consumers/ground/topic-names.js'

/** Tables whose rows have the time of the engine's own records, and those whose time the flow chooses. */
const owned = ['predictions', 'dead_letters'] as const
const produced = ['outcomes', 'events'] as const

/**
 * The tables hold what the undisturbed run gives, each thing once by the rule of their views; and copies that were
 * folded away were copies.
 */
export function verifyWarehouse(
  warehouse: MemoryWarehouse,
  log: MemoryLog,
  calm: readonly Undisturbed[],
  hadTwoOwners: boolean,
): string[] {
  const { topics } = stream
  const results = calm.flatMap(({ results: of }, partition) =>
    [...of.values()].map((result) => `${partition}/${result.offset} ${wanted(result)}`),
  )
  const stored = (rows: readonly Row[]): string[] =>
    rows.map((row) => `${String(row['partition'])}/${String(row['offset'])} ${found(row)}`)
  const letters = calm.flatMap(({ dead }, partition) =>
    [...dead].map(([offset, { code, record }]) => `${partition}/${offset} ${code} ${latin1(record.value)}`),
  )
  // A dead letter whose owner failed before the block; the next owner knew the tenant.
  const isScored = (row: Row): boolean =>
    calm[Number(row['source_partition'])]!.results.has(Number(row['source_offset']))
  const storedDeadLetters = warehouse
    .final('dead_letters')
    .filter((row) => row['code'] !== 'UNKNOWN_TENANT' || !isScored(row))
    .map(
      (row) =>
        `${String(row['source_partition'])}/${String(row['source_offset'])} ${String(row['code'])} ` +
        String(row['value']),
    )
  const recordsOf = (topic: string): string[] =>
    Array.from({ length: log.partitionsOf(topic) }, (_, partition) =>
      log.partition({ topic, partition }).records.map(({ offset, value }) => `${partition}/${offset} ${latin1(value)}`),
    ).flat()
  const storedEvents = warehouse
    .final('events')
    .map((row) => `${String(row['partition'])}/${String(row['offset'])} ${String(row['value'])}`)
  return [
    ...(hadTwoOwners ? owned : [...owned, ...produced]).flatMap((table) =>
      warehouse.apart(table).map((key) => `${table} has copies of ${key} in two table partitions`),
    ),
    ...compare('predictions', stored(warehouse.final('predictions')), results),
    ...compare('copies in predictions', [...new Set(stored(warehouse.raw('predictions')))], results),
    ...compare('dead_letters', storedDeadLetters, letters),
    ...compare('events', storedEvents, recordsOf(topics.events)),
    ...compare(
      'outcomes',
      warehouse.final('outcomes').map((row) => `${String(row['partition'])}/${String(row['offset'])}`),
      recordsOf(outcomesTopic).map((text) => text.split(' ')[0]!),
    ),
  ]
}

const latin1 = (value: Buffer | null): string => value?.toString('latin1') ?? ''

const wanted = ({
  kind,
  id,
  entity,
  score,
  risk,
  by,
  late,
  reasons,
  vector,
  eventTimeMs,
  recordTimeMs,
  version,
}: Result): string =>
  JSON.stringify([
    kind,
    id,
    entity,
    score,
    risk,
    by,
    late ? 1 : 0,
    reasons === '' ? [] : reasons.split(','),
    vector,
    eventTimeMs,
    recordTimeMs,
    kind === 'duplicate' ? '' : version,
  ])

const found = (row: Row): string =>
  JSON.stringify([
    row['kind'],
    row['event_id'],
    row['entity'],
    row['score'],
    row['risk'],
    row['served_by'],
    row['late'],
    row['reasons'],
    row['vector'],
    row['event_time'],
    row['record_time'],
    row['kind'] === 'duplicate' ? '' : row['version'],
  ])

function compare(table: string, got: readonly string[], want: readonly string[]): string[] {
  const [held, expected] = [new Set(got), new Set(want)]
  return [
    ...(got.length === held.size ? [] : [`${table} has ${got.length - held.size} rows twice`]),
    ...want.filter((one) => !held.has(one)).map((one) => `${table} lacks ${one}`),
    ...got.filter((one) => !expected.has(one)).map((one) => `${table} has ${one}, which should not be there`),
  ]
}
