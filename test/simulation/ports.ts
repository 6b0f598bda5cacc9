import type { StateStore } from '../../src/state/state-store.js'
import { decodeHead } from '../../src/log/blocks/codec.js'
import type {
  Assignment,
  ConsumerGroups,
  EventLog,
  NewRecord,
  PartitionReader,
  TopicPartition,
} from '../../src/log/event-log.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import type { Hazards } from './hazards.js'
import type { Member, MemoryGroup } from './memory-group.js'
import { placeOf, type MemoryLog } from './memory-log.js'
import type { MemoryStateStore } from './memory-state-store.js'
import type { MemoryWarehouse } from './memory-warehouse.js'
import type { Call, Network } from './network.js'
import { asError, type SimulatedProcess } from './process.js'
import { stream } from './stream.js'

/** The servers of a simulated world, and who works on what. */
export interface Servers {
  readonly log: MemoryLog
  readonly state: MemoryStateStore
  readonly warehouse: MemoryWarehouse
  readonly network: Network
  readonly hazards: Hazards
  /** Per partition the appends that were sent, and the latest of them that arrived. */
  readonly sends: Map<string, { sent: number; arrived: number }>
  /** Per group and partition the processes that work on it. */
  readonly owners: Map<string, Set<SimulatedProcess>>
}

/** A process's place in a group. */
export interface Seat {
  readonly group: MemoryGroup
  readonly member: Member
}

/** The log as one process reaches it. `onSeat` is told of each group that the process joins. */
export function logOf(
  process: SimulatedProcess,
  servers: Servers,
  onSeat: (seat: Seat) => void = () => undefined,
): EventLog & ConsumerGroups {
  const { log, network } = servers
  const call = <Result>(what: string, changes: boolean, effect: () => Promise<Result>): Promise<Result> =>
    network.call(process, { what, server: 'log', down: 'LOG_DOWN', changes, effect })
  const reader = (at: TopicPartition): PartitionReader => readerOf(process, servers, at)
  return {
    ensure: (topic) => call(`ensure ${topic.topic}`, false, () => log.ensure(topic)),
    append(at, records) {
      const arrives = sent(servers, at)
      return call(`append ${placeOf(at)}${described(at, records)}`, true, () => {
        arrives()
        return log.append(at, records)
      })
    },
    bounds: (at, sinceMs) => call(`bounds ${placeOf(at)}`, false, () => log.bounds(at, sinceMs)),
    reader,
    async join(name, topics, work) {
      const group = log.group(name)
      await process.clock.sleep(1)
      const membership = await group.join(
        topics,
        (assignment) => own(process, servers, name, { ...assignment, reader: reader(assignment) }, work),
        (member) => onSeat({ group, member }),
      )
      return membership
    },
    lag: (group) => call(`lag ${group}`, false, () => log.lag(group)),
  }
}

/** What of the records makes a history readable: how far blocks reach, and whose they are. */
function described({ topic }: TopicPartition, records: readonly NewRecord[]): string {
  if (topic !== stream.topics.predictions) return ` (${records.length})`
  return records
    .map(({ value }) => decodeHead(value!))
    .map(
      ({ epoch, after, last }) =>
        ` epoch ${epoch}, ${after === last ? `marker at ${after}` : `after ${after} to ${last}`}`,
    )
    .join()
}

function sent({ sends, hazards }: Servers, at: TopicPartition): () => void {
  const place = placeOf(at)
  const order = sends.get(place) ?? { sent: 0, arrived: 0 }
  sends.set(place, order)
  const number = ++order.sent
  return () => {
    if (number < order.arrived)
      hazards.met('reordered sends', `append ${number} of ${place} arrives after ${order.arrived}`)
    order.arrived = Math.max(order.arrived, number)
  }
}

/** Reads are waited for as long as it takes; what is read takes its time to arrive. */
function readerOf(process: SimulatedProcess, { log, network }: Servers, at: TopicPartition): PartitionReader {
  const reader = log.reader(at)
  return {
    read: (from, bound, signal) =>
      new Promise((resolve, reject) => {
        if (!process.alive) return
        reader.read(from, bound, signal).then(
          (records) => process.after(network.readDelayMs(signal), () => resolve(records)),
          (error: unknown) => process.after(0, () => reject(asError(error))),
        )
      }),
    close: () => reader.close(),
  }
}

/**
 * Works on an assignment as its process does: not at all if it is dead, and hearing of a revocation in its own time.
 */
async function own(
  process: SimulatedProcess,
  { hazards, owners, network }: Servers,
  group: string,
  assignment: Assignment,
  work: (assignment: Assignment) => Promise<void>,
): Promise<void> {
  if (!process.alive) return new Promise(() => undefined)
  const place = `${group} ${placeOf(assignment)}`
  const working = owners.get(place) ?? new Set()
  owners.set(place, working)
  if ([...working].some((other) => other !== process && other.alive))
    hazards.met(
      'two owners',
      `${process.name} is given ${place}, ${[...working].map(({ name }) => name).join(', ')} goes on with it`,
    )
  working.add(process)
  network.note(process, `is given ${place}`)
  const revoke = new AbortController()
  process.onAbort(assignment.revoked, () =>
    process.after(0, () => {
      network.note(process, `is to give back ${place}`)
      revoke.abort()
    }),
  )
  const commit = (next: number): Promise<void> =>
    network
      .call(process, {
        what: `commit ${place} ${next}`,
        server: 'log',
        down: 'LOG_DOWN',
        changes: false,
        effect: () => assignment.commit(next),
      })
      .catch(() => undefined)
  try {
    await work({
      topic: assignment.topic,
      partition: assignment.partition,
      reader: assignment.reader,
      revoked: revoke.signal,
      commit,
    })
  } finally {
    network.note(process, `gives back ${place}`)
    working.delete(process)
  }
}

/** The state store as one process reaches it. */
export function storeOf(process: SimulatedProcess, { state, network, hazards }: Servers): StateStore {
  const call = <Result>(what: string, changes: boolean, effect: () => Promise<Result>): Promise<Result> =>
    network.call(process, { what, server: 'state', down: 'STORE_DOWN', changes, effect })
  /** A replica takes over a moment later, which does not know of the claim yet. */
  const failOver = (before: ReturnType<typeof state.snapshot>): void => {
    const ordinal = hazards.strikes('rolled-back state', 0.06)
    if (ordinal === undefined) return
    network.timeline.after(1 + ((ordinal * 7) % 40), () => {
      if (hazards.isCalm) return
      hazards.met('rolled-back state', `by a failover after a claim of ${process.name}`, ordinal)
      state.restore(before)
    })
  }
  return {
    claim: (at, identity, tailEpoch, covered) =>
      call(`claim ${at.partition} beyond ${tailEpoch}`, true, () => {
        const before = state.snapshot()
        return state.claim(at, identity, tailEpoch, covered).finally(() => failOver(before))
      }),
    load: (at, keys, owner) => call(`load ${at.partition} ${keys.join()}`, false, () => state.load(at, keys, owner)),
    commit: (change) =>
      call(`commit ${change.at.partition} ${change.epoch} ${change.previous}-${change.last}`, true, () =>
        state.commit(change),
      ),
    sweep: (at, owner, nowEventMs, entries) =>
      call(`sweep ${at.partition}`, true, () => state.sweep(at, owner, nowEventMs, entries)),
  }
}

/** The warehouse as one process reaches it. */
export function warehouseOf(process: SimulatedProcess, { warehouse, network }: Servers): Warehouse {
  const call = <Result>(more: Pick<Call<Result>, 'what' | 'changes' | 'effect' | 'partly'>): Promise<Result> =>
    network.call(process, { server: 'warehouse', down: 'WAREHOUSE_DOWN', ...more })
  return {
    insert: (table, native) =>
      call({
        what: `insert ${table}`,
        changes: true,
        effect: () => warehouse.insert(table, native),
        partly: (share) => warehouse.insertSome(table, native, share),
      }),
    query: <Row>(sql: string, params?: Readonly<Record<string, unknown>>) =>
      call({ what: 'query', changes: false, effect: () => warehouse.query<Row>(sql, params) }),
    run: (sql) => call({ what: 'run', changes: true, effect: () => warehouse.run(sql) }),
    close: async () => undefined,
  }
}
