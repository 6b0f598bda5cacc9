import { isEngineError } from '../../src/base/errors.js'
import { Hazards, type Hazard, type Strike } from './hazards.js'
import { befall } from './misfortunes.js'
import { family, versions } from './models.js'
import { operate, produce, produceLast, type Acknowledged } from './producers.js'
import { Reading } from './reading.js'
import { seededRandom } from './random.js'
import { stream } from './stream.js'
import { Timeline } from './timeline.js'
import { openTrace } from './trace.js'
import { verify } from './verify.js'
import { World } from './world.js'
import { controlTopic } from '../../src/consumers/ground/topic-names.js'

export interface SimulateOptions {
  /** Strikes that are left out. */
  readonly without?: ReadonlySet<number>
  /** Told of everything that happens. */
  readonly tell?: (line: string) => void
}

/** How the run of one seed ended. */
export interface Simulated {
  readonly seed: number
  readonly violations: readonly string[]
  readonly history: readonly Strike[]
  readonly counts: Readonly<Record<Hazard, number>>
  /** The same for two runs that are the same. */
  readonly digest: string
  readonly simulatedMs: number
  readonly happened: number
  readonly events: number
}

/** Two seconds before a Monday: a week of the warehouse's tables ends while the simulation runs. */
const startMs = Date.UTC(2026, 0, 5) - 2_000
const hourMs = 3_600_000

/** After the last fault everything must be scored, stored and committed within so much simulated time. */
const drainMs = 120_000
const faultMs = 60_000
const stopMs = 60_000

/**
 * Runs a world of engines from a seed: under hazards while producers send, then without, until everything is through.
 */
export async function simulate(seed: number, { without = new Set(), tell }: SimulateOptions = {}): Promise<Simulated> {
  const timeline = new Timeline(startMs)
  const trace = openTrace(timeline, tell)
  const hazards = new Hazards({ random: seededRandom(seed, 'hazards'), timeline, trace, without })
  const random = seededRandom(seed, 'world')
  const settings = {
    chunkRecords: 2 + random.below(12),
    cachedEntities: random.pick([2, 6, 100]),
    commitIntervalMs: random.pick([20, 80, 250]),
  }
  const world = new World({ timeline, hazards, trace, random, engines: 2 + random.below(2), settings })
  const violations: string[] = []
  const acknowledged: Acknowledged[] = []
  await world.open()

  const producers = Array.from({ length: 2 }, (_, i) =>
    produce(
      `producer-${i}`,
      20 + random.below(25),
      world.servers,
      seededRandom(seed, `producer-${i}`),
      startMs - 60 * hourMs,
    ),
  )
  const operator = operate(1 + random.below(5), world.servers, seededRandom(seed, 'operator'), versions, family)
  let sent = false
  void Promise.all([...producers.map(({ done }) => done), operator]).then(() => (sent = true))
  befall(world, { hazards, random, timeline })

  const failed = (): boolean => world.stopped.length > 0
  await timeline.run(() => sent || failed(), faultMs)
  hazards.calm()
  world.servers.network.endOutages()
  let closed = false
  void produceLast(world.servers, startMs).then((last) => {
    acknowledged.push(...last)
    closed = true
  })
  const drained = drainedOf(world)
  if (!(await timeline.run(() => failed() || (sent && closed && drained()), drainMs)))
    violations.push(`not everything was through ${drainMs / 1_000} s after the last fault: ${drained.lacking()}`)
  if (violations.length === 0 && !failed()) {
    let ended = false
    void Promise.all(world.engines.map((engine) => engine.stop())).then(
      () => (ended = true),
      (error: unknown) =>
        world.stopped.push(`an engine did not end well: ${isEngineError(error) ? error.code : ''} ${String(error)}`),
    )
    if (!(await timeline.run(() => failed() || ended, stopMs)))
      violations.push(`the engines had not ended ${stopMs / 1_000} s after they were told to`)
  }
  violations.push(...world.stopped)
  acknowledged.push(...producers.flatMap((producer) => producer.acknowledged))
  if (violations.length === 0) violations.push(...(await verify(world.servers, acknowledged)))
  return {
    seed,
    violations,
    history: hazards.history,
    counts: hazards.counts(),
    digest: trace.digest(),
    simulatedMs: timeline.nowMs - startMs,
    happened: timeline.happened,
    events: acknowledged.length,
  }
}

/** Whether everything that was sent is scored, committed and stored, and every engine knows the last decision. */
function drainedOf(world: World): (() => boolean) & { lacking(): string } {
  const { log, state, warehouse, network } = world.servers
  const readings = Array.from({ length: stream.stream.partitions }, () => new Reading())
  const endOf = (topic: string, partition: number): number =>
    log.partition({ topic, partition }).records.at(-1)?.offset ?? -1
  const lacks = (): string | undefined => {
    if (network.underWay > 0) return 'something is under way'
    for (const [partition, reading] of readings.entries()) {
      reading.take(log.partition({ topic: stream.topics.predictions, partition }).records)
      const end = endOf(stream.topics.events, partition)
      if (reading.covered < end) return `partition ${partition} is scored up to ${reading.covered} of ${end}`
      const last = state.at({ stream: stream.stream.name, partition })?.last ?? -1
      if (last < end) return `partition ${partition} is committed up to ${last} of ${end}`
    }
    const marks = new Map(
      warehouse
        .final('progress')
        .map((row) => [
          `${String(row['table_name'])} ${String(row['topic'])}/${String(row['partition'])}`,
          Number(row['next']),
        ]),
    )
    for (const [table, topic] of [
      ['predictions', stream.topics.predictions],
      ['events', stream.topics.events],
      ['dead_letters', stream.topics.deadLetters],
      ['outcomes', 'outcomes'],
    ] as const)
      for (let partition = 0; partition < log.partitionsOf(topic); partition++)
        if (endOf(topic, partition) >= (marks.get(`${table} ${topic}/${partition}`) ?? 0))
          return (
            `${table} is filled up to ${marks.get(`${table} ${topic}/${partition}`) ?? 0} of ` +
            `${topic}/${partition}, which ends with ${endOf(topic, partition)}`
          )
    const decided = endOf(controlTopic.topic, controlTopic.partition)
    const behind = world.engines.find((engine) => (engine.routing()?.current().position ?? -1) <= decided)
    return behind === undefined ? undefined : `${behind.process.name} does not know decision ${decided}`
  }
  let lookAtMs = 0
  let last: string | undefined = 'nothing was looked at'
  const drained = (): boolean => {
    if (network.timeline.nowMs < lookAtMs) return false
    lookAtMs = network.timeline.nowMs + 100
    last = lacks()
    return last === undefined
  }
  return Object.assign(drained, { lacking: () => lacks() ?? 'producers are not done' })
}
