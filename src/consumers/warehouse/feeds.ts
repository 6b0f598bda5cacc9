import { decodeBlock } from '../../log/blocks/codec.js'
import type { Block } from '../../log/blocks/block.js'
import type { LogRecord, TopicPartition } from '../../log/event-log.js'
import { isTombstone } from '../ground/decode.js'
import { openGate, type GateRules } from '../../log/blocks/gate.js'
import type { Table } from '../../sinks/tables.js'
import type { CompiledStream } from '../ground/compiled.js'
import { gateRules } from '../control/accepted.js'
import type { Stops } from '../control/stops.js'
import { encodePredictions, type StoredBlock } from './predictions.js'
import type { Mark, Written } from './progress.js'
import { encodeDeadLetters, encodeEvents, encodeOutcomes, outcomeFault, type StoredRecords } from './records.js'
import { apiPredictionsTopic, outcomesTopic } from '../ground/topic-names.js'

/** The part of the records read from a partition that is to be stored, and how far these records reach. */
export interface Taken<Data> {
  readonly data: readonly Data[]
  readonly rows: number
  readonly bytes: number
  readonly covered: number
  readonly epoch: number
}

export type Take<Data> = (records: readonly LogRecord[]) => Taken<Data>

/** What a feed needs from its flow. */
export interface FeedPorts {
  readonly report: (message: string) => void
  readonly stops?: Stops | undefined
}

/** The topics that fill one table. */
export interface Feed<Data> {
  readonly table: Table
  readonly topics: readonly string[]
  /**
   * Where `written_at` comes from. `log`: the engine wrote the records itself, so their log time is its own, and a
   * repeat has the same. `flow`: producers wrote them, so the flow chooses (see `stamps.ts`).
   */
  readonly stampedBy: 'log' | 'flow'
  /** Returns a function that takes the records of one partition, in order, beginning at the mark. */
  open(at: TopicPartition, mark: Mark | undefined, ports: FeedPorts): Take<Data>
  encode(data: readonly Written<Data>[]): Buffer
}

export type FedStream = Pick<CompiledStream, 'stream' | 'topics'>

/** Blocks of every stream, each source offset once, and predictions on request, which never change state. */
export function predictionsFeed(streams: readonly FedStream[]): Feed<StoredBlock> {
  const byTopic = new Map(streams.map((one) => [one.topics.predictions, one]))
  return {
    table: 'predictions',
    topics: [...byTopic.keys(), apiPredictionsTopic.topic],
    stampedBy: 'log',
    open(at, mark, { stops }) {
      const source = byTopic.get(at.topic)
      return source === undefined
        ? takeRequested(at)
        : takeServed(
            source,
            at.partition,
            mark,
            gateRules(stops, { topic: source.topics.events, partition: at.partition }),
          )
    },
    encode: encodePredictions,
  }
}

function takeServed(
  { stream, topics }: FedStream,
  partition: number,
  mark: Mark | undefined,
  rules: GateRules,
): (records: readonly LogRecord[]) => Taken<StoredBlock> {
  const gate = openGate(mark?.covered, mark?.epoch, rules)
  return (records) => {
    const data: StoredBlock[] = []
    for (const { offset, value, timestampMs } of records) {
      const block = value === null ? undefined : gate.admit(decodeBlock(value))
      if (block !== undefined && block.rows > 0)
        data.push({
          stream: stream.name,
          topic: topics.events,
          partition,
          role: 'served',
          offset,
          writtenAtMs: timestampMs,
          generation: rules.generationAt(block.control),
          block,
        })
    }
    return {
      data,
      ...sizeOf(
        data.map(({ block }) => block),
        records,
      ),
      covered: gate.covered ?? -1,
      epoch: gate.epoch,
    }
  }
}

const takeRequested =
  ({ topic, partition }: TopicPartition) =>
  (records: readonly LogRecord[]): Taken<StoredBlock> => {
    const data = records.flatMap(({ offset, key, value, timestampMs }): StoredBlock[] => {
      if (value === null || key === null) return []
      return [
        {
          ...{ stream: key.toString(), topic, partition, role: 'api', offset, generation: 0, writtenAtMs: timestampMs },
          block: decodeBlock(value),
        },
      ]
    })
    return {
      data,
      ...sizeOf(
        data.map(({ block }) => block),
        records,
      ),
      covered: -1,
      epoch: 0,
    }
  }

const sizeOf = (blocks: readonly Block[], records: readonly LogRecord[]) => ({
  rows: blocks.reduce((sum, { rows }) => sum + rows, 0),
  bytes: bytesOf(records),
})

const bytesOf = (records: readonly LogRecord[]): number =>
  records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)

/** How to read the records of a topic. */
interface Origin {
  readonly stream: string
  readonly keyIsTenant: boolean
}

const originsOf = (streams: readonly FedStream[], topic: 'events' | 'deadLetters'): ReadonlyMap<string, Origin> =>
  new Map(
    streams.map(({ stream, topics }) => [
      topics[topic],
      { stream: stream.name, keyIsTenant: stream.key === stream.tenant },
    ]),
  )

export const eventsFeed = (streams: readonly FedStream[]): Feed<StoredRecords> =>
  recordsFeed('events', 'flow', originsOf(streams, 'events'), encodeEvents, undefined, isTombstone)

export const deadLettersFeed = (streams: readonly FedStream[]): Feed<StoredRecords> =>
  recordsFeed('dead_letters', 'log', originsOf(streams, 'deadLetters'), encodeDeadLetters)

/** A record that is no outcome is reported and not stored; a tombstone is not stored either. */
export const outcomesFeed = (): Feed<StoredRecords> =>
  recordsFeed(
    'outcomes',
    'flow',
    new Map([[outcomesTopic, { stream: '', keyIsTenant: true }]]),
    encodeOutcomes,
    outcomeFault,
    isTombstone,
  )

function recordsFeed(
  table: Table,
  stampedBy: 'log' | 'flow',
  origins: ReadonlyMap<string, Origin>,
  encode: Feed<StoredRecords>['encode'],
  faultOf?: (record: LogRecord) => string | undefined,
  isSkipped?: (record: LogRecord) => boolean,
): Feed<StoredRecords> {
  return {
    table,
    topics: [...origins.keys()],
    stampedBy,
    open:
      ({ topic, partition }, _mark, { report }) =>
      (all) => {
        const records = isSkipped === undefined || !all.some(isSkipped) ? all : all.filter((one) => !isSkipped(one))
        const good =
          faultOf === undefined
            ? records
            : records.filter(
                faultless(faultOf, (offset, fault) =>
                  report(`offset ${offset} of ${topic}/${partition} is not stored: ${fault}`),
                ),
              )
        const data = good.length === 0 ? [] : [{ ...origins.get(topic)!, topic, partition, records: good }]
        return { data, rows: good.length, bytes: bytesOf(good), covered: -1, epoch: 0 }
      },
    encode,
  }
}

const faultless =
  (faultOf: (record: LogRecord) => string | undefined, report: (offset: number, fault: string) => void) =>
  (record: LogRecord): boolean => {
    const fault = faultOf(record)
    if (fault !== undefined) report(record.offset, fault)
    return fault === undefined
  }
