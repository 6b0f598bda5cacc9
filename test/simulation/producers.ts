import { ingest } from '../../src/consumers/serving/ingest.js'
import { isEngineError } from '../../src/base/errors.js'
import { partitionOf } from '../../src/base/keys.js'
import type { EventLog, TopicPartition } from '../../src/log/event-log.js'
import type { Hazards } from './hazards.js'
import { logOf, type Servers } from './ports.js'
import { SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import { sometimes, stream, tenants } from './stream.js'
import { controlTopic, outcomesTopic } from '../../src/consumers/ground/topic-names.js'

type Event = Readonly<Record<string, unknown>>

/** What a producer was told is in the log for good. */
export interface Acknowledged extends TopicPartition {
  readonly offset: number
  /** The event's id, or the record's bytes. */
  readonly is: string
}

export interface Producing {
  readonly acknowledged: Acknowledged[]
  /** Resolves when everything is acknowledged. */
  readonly done: Promise<void>
}

const hourMs = 3_600_000

/** Sends events as clients of the API do: again and again until they are acknowledged. Producers do not crash. */
export function produce(
  name: string,
  events: number,
  servers: Servers,
  random: Random,
  firstEventMs: number,
): Producing {
  const { hazards } = servers
  const process = new SimulatedProcess(name, servers.network.timeline, false)
  const log = logOf(process, servers)
  const acknowledged: Acknowledged[] = []
  const made: Event[] = []
  let number = 0

  function next(): Event {
    const again = made.length > 0 ? hazards.strikes('duplicate from a producer', 0.06) : undefined
    if (again !== undefined) {
      const event = made[Math.max(0, made.length - 1 - random.below(30))]!
      hazards.met('duplicate from a producer', String(event['event_id']), again)
      return event
    }
    const n = number++
    const late = hazards.strikes('late event', 0.06)
    const at = Math.floor(
      firstEventMs +
        n * 0.3 * hourMs -
        random.between(0, 0.8) * hourMs -
        (late === undefined ? 0 : random.between(1, 30) * hourMs),
    )
    const event = {
      event_id: `${name}-${n}`,
      tenant_id: random.chance(0.1) ? sometimes : random.pick(tenants),
      badge: `b${random.below(4)}`,
      door: random.chance(0.1) ? null : `d${random.below(3)}`,
      at,
      force: Math.round(random.between(0, 1_000)) / 10,
    }
    if (late !== undefined) hazards.met('late event', event.event_id, late)
    made.push(event)
    return event
  }

  async function send(): Promise<void> {
    const batch = Array.from({ length: 1 + random.below(4) }, next)
    const results = await untilDone(process, () => ingest(stream, batch, { log, clock: process.clock, tenants: 'any' }))
    for (const result of results)
      if ('offset' in result)
        acknowledged.push({
          topic: stream.topics.events,
          partition: result.partition,
          offset: result.offset,
          is: result.event_id,
        })
  }

  async function run(): Promise<void> {
    while (number < events) {
      await process.clock.sleep(random.between(1, 120))
      await send()
      const bad = hazards.strikes('bad record', 0.1)
      if (bad !== undefined) acknowledged.push(await sendBad(process, log, hazards, random, bad))
      if (random.chance(0.2) && made.length > 0) acknowledged.push(await sendOutcome(process, log, random.pick(made)))
    }
  }
  return { acknowledged, done: run() }
}

/**
 * Once more an event for every partition, when nothing goes wrong any more: whoever lost something notices it by then.
 */
export async function produceLast(servers: Servers, atMs: number): Promise<readonly Acknowledged[]> {
  const process = new SimulatedProcess('producer-last', servers.network.timeline, false)
  const log = logOf(process, servers)
  const last = tenants.map((tenant, n) => ({
    event_id: `last-${n}`,
    tenant_id: tenant,
    badge: 'b0',
    door: 'd0',
    at: atMs,
    force: n,
  }))
  const results = await untilDone(process, () => ingest(stream, last, { log, clock: process.clock, tenants: 'any' }))
  return results.flatMap((result) =>
    'offset' in result
      ? [{ topic: stream.topics.events, partition: result.partition, offset: result.offset, is: result.event_id }]
      : [],
  )
}

async function sendBad(
  process: SimulatedProcess,
  log: EventLog,
  hazards: Hazards,
  random: Random,
  ordinal: number,
): Promise<Acknowledged> {
  const value = random.pick([
    Buffer.from('{"event_id": 1'),
    Buffer.from([0xff, 1, 2, 3]),
    Buffer.from(JSON.stringify({ event_id: 'x', tenant_id: 'acme' })),
    Buffer.from(`{"n": ${random.below(1_000)}}`),
  ])
  const key = Buffer.from(random.pick(tenants))
  const at = { topic: stream.topics.events, partition: partitionOf(key, stream.stream.partitions) }
  const offset = await untilDone(process, () => log.append(at, [{ key, value, headers: { trace: Buffer.from('t') } }]))
  hazards.met('bad record', `${at.topic}/${at.partition} ${offset}`, ordinal)
  return { ...at, offset, is: value.toString('latin1') }
}

async function sendOutcome(process: SimulatedProcess, log: EventLog, event: Event): Promise<Acknowledged> {
  const tenant = String(event['tenant_id'])
  const value = Buffer.from(
    JSON.stringify({
      stream: stream.stream.name,
      tenant,
      event_id: event['event_id'],
      label: 1,
      source: 'review',
      decidedAtMs: process.clock.nowMs(),
    }),
  )
  const offset = await untilDone(process, () =>
    log.append({ topic: outcomesTopic, partition: 0 }, [{ key: Buffer.from(tenant), value }]),
  )
  return { topic: outcomesTopic, partition: 0, offset, is: value.toString('latin1') }
}

/** Decides now and then which model serves, and whether a tenant is known, as operators do. */
export async function operate(
  decisions: number,
  servers: Servers,
  random: Random,
  versions: readonly string[],
  family: string,
): Promise<void> {
  const process = new SimulatedProcess('operator', servers.network.timeline, false)
  const log = logOf(process, servers)
  const append = (key: string, decision: object): Promise<unknown> =>
    untilDone(process, () =>
      log.append(controlTopic, [{ key: Buffer.from(key), value: Buffer.from(JSON.stringify(decision)) }]),
    )
  for (let i = 0; i < decisions; i++) {
    await process.clock.sleep(random.between(50, 900))
    if (random.chance(0.5)) {
      const kind = random.pick(['admit', 'withdraw'])
      await append(`tenant/${sometimes}`, { kind, tenant: sometimes, atMs: process.clock.nowMs() })
    }
    const scope = random.chance(0.6) ? 'global' : random.pick(tenants)
    const decision = {
      family,
      scope,
      by: 'operator',
      why: 'simulated',
      atMs: process.clock.nowMs(),
      // Every other record is one from before decisions had ids.
      ...(i % 2 === 0 ? {} : { v: 1, id: `operator/${i}`, replaces: null }),
      ...(random.chance(0.8) ? { kind: 'activate', version: random.pick(versions) } : { kind: 'deactivate' }),
    }
    await append(`${family}/${scope}`, decision)
  }
}

async function untilDone<Result>(process: SimulatedProcess, attempt: () => Promise<Result>): Promise<Result> {
  for (let delayMs = 20; ; delayMs = Math.min(1_000, delayMs * 2)) {
    try {
      return await attempt()
    } catch (error) {
      if (!isEngineError(error) || error.disposition !== 'retry') throw error
      await process.clock.sleep(delayMs)
    }
  }
}
