import { strict as assert } from 'node:assert'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { openDeadLetters } from '../../src/consumers/dead-letters/dead-letters.js'
import { messageOf } from '../../src/base/errors.js'
import type { Tenants } from '../../src/consumers/ground/decode.js'
import type { Stream } from '../../src/streams/stream.js'
import { engineHarness, settings, type EngineHarness, type Place } from '../consumers/engine-harness.js'
import type { Flow, FlowChange } from '../consumers/harness-flow.js'
import { sentence, type Sentence, type World } from './drive.js'
import { inMemory, routingOf, type MemoryOptions } from './in-memory.js'
import { resultsOf, type Result } from './result.js'
import type { Sent } from './story.js'

export interface EngineOptions extends MemoryOptions {
  readonly startMs?: number
  /** Another harness than one of its own: of another log, for example. */
  readonly open?: () => Promise<EngineHarness>
  /** Settings and ports of the scoring flow. */
  readonly flow?: FlowChange
}

/** An engine in the middle of a story. */
export interface RunningEngine {
  readonly harness: EngineHarness
  /** Every event of the story until now. */
  readonly sent: readonly Sent[]
  readonly options: EngineOptions
  /** Starts scoring where it does not run, and resolves when every event has its result. */
  caughtUp(): Promise<Flow>
  /** Stops scoring. The next start has the changes. */
  restart(change?: FlowChange): Promise<void>
  results(): Promise<ReadonlyMap<Sent, Result>>
}

/** What happens to an engine between two events. It begins when every event before it has its result. */
export interface Action {
  /** Names the action where it fails. */
  readonly does: string
  run(engine: RunningEngine): Promise<void>
}

/** The same sentences against the scoring flow, with an embedded log and a state in LMDB. */
export const driveEngine = (stream: Stream, options: EngineOptions = {}): Sentence<Action> =>
  sentence(async () => openWorld(stream, options), options.startMs)

async function openWorld(stream: Stream, options: EngineOptions): Promise<World<Action>> {
  const harness = await (options.open?.() ?? engineHarness(undefined, stream.name, stream))
  const sent: Sent[] = []
  const places = new Map<Sent, Place>()
  let flow: Flow | undefined
  const { tenants = 'any', seenIds = settings.seenIds } = options
  let change: FlowChange = {
    tenants,
    routing: () => routingOf(harness.stream, options.model),
    settings: { ...settings, seenIds },
    ...options.flow,
  }
  const engine: RunningEngine = {
    harness,
    sent,
    options,
    async caughtUp() {
      flow ??= await harness.score(change)
      await flow.caughtUp()
      return flow
    },
    async restart(more = {}) {
      await flow?.stop()
      flow = undefined
      change = { ...change, ...more }
    },
    async results() {
      await engine.caughtUp()
      const [byPlace, redriven] = [await resultsByPlace(harness), await redrivenPlaces(harness)]
      return new Map(
        sent.flatMap((one) => {
          const place = placeText(places.get(one)!)
          const result = byPlace.get(redriven.get(place) ?? place)
          return result === undefined ? [] : [[one, result] as const]
        }),
      )
    },
  }
  return {
    async take(more) {
      for (const one of more) {
        places.set(one, (await harness.append([one.event], one.recordTimeMs))[0]!)
        sent.push(one)
      }
    },
    async act(action) {
      await engine.caughtUp()
      await action.run(engine).catch((error: unknown) => {
        throw new Error(`${action.does}: ${messageOf(error)}`, { cause: error })
      })
    },
    resultOf: async (one) => (await engine.results()).get(one),
  }
}

const placeText = ({ partition, offset }: Place): string => `${partition}/${offset}`

async function resultsByPlace(harness: EngineHarness): Promise<ReadonlyMap<string, Result>> {
  const out = new Map<string, Result>()
  for (const { partition, block } of await harness.blocks())
    for (const [offset, result] of resultsOf(harness.stream, block)) {
      const place = placeText({ partition, offset })
      assert.ok(!out.has(place), `${place} has two visible results`)
      out.set(place, result)
    }
  for (const { headers, value } of await harness.deadLetters()) {
    const header = (name: string): string => String(headers[`dead-letter-${name}`])
    out.set(`${header('partition')}/${header('offset')}`, {
      kind: 'dead letter',
      code: header('code'),
      stage: header('stage'),
      reason: header('reason'),
      value,
    })
  }
  return out
}

/** Where redriven events are now, by the place where they were first. */
async function redrivenPlaces({ records, stream }: EngineHarness): Promise<ReadonlyMap<string, string>> {
  const out = new Map<string, string>()
  for (let partition = 0; partition < stream.stream.partitions; partition++)
    for (const { headers, offset } of await records(stream.topics.events, partition))
      if (headers['redrive-origin'] !== undefined)
        out.set(`${partition}/${String(headers['redrive-origin'])}`, placeText({ partition, offset }))
  return out
}

/** The scoring flow stops and another one starts. */
export const theEngineRestarts = (change: FlowChange = {}): Action => ({
  does: 'the engine restarts',
  run: (engine) => engine.restart(change),
})

export const theStateIsLost = (): Action => ({
  does: 'the state is lost',
  async run(engine) {
    await engine.restart()
    await engine.harness.loseState()
  },
})

/** From now on the events of these tenants are scored. */
export const theTenantsAreConfigured = (tenants: Tenants): Action => ({
  does: 'the tenants are configured',
  run: (engine) => engine.restart({ tenants }),
})

/** Sends the events of all dead letters again; with `evenBad` also those that are still bad. */
export const theDeadLettersAreRedriven = ({ evenBad = false } = {}): Action => ({
  does: 'the dead letters are redriven',
  async run({ harness, options }) {
    const deadLetters = openDeadLetters({
      log: harness.log,
      clock: systemClock,
      owner: 'a test',
      store: harness.store,
      streams: [harness.stream],
      tenants: 'any',
      routing: () => routingOf(harness.stream, options.model),
      seenIds: options.seenIds ?? settings.seenIds,
      marksKeptMs: 365 * 86_400_000,
    })
    onTestFinished(() => deadLetters.close())
    const filter = { stream: harness.stream.stream.name }
    let cursor: string | undefined
    do
      ({ next: cursor } = await deadLetters.redrive({
        ...{ filter, limit: 100, dryRun: false, evenBad, by: 'key-1' },
        ...(cursor !== undefined && { cursor }),
      }))
    while (cursor !== undefined)
  },
})

/** Checks that every event has the result that it has without a log, a store and what happened to them. */
export const everyResultIsAsInMemory = (): Action => ({
  does: 'every result is as in memory',
  async run({ harness, sent, options, results }) {
    const memory = inMemory(harness.stream, options)
    await memory.take(sent)
    const found = await results()
    for (const one of sent) assert.deepEqual(found.get(one), await memory.resultOf(one), one.says)
  },
})

/** Checks that the events in time have the results that they have where no late event ever came. */
export const theLateEventsLeaveNoTrace = (): Action => ({
  does: 'the late events leave no trace',
  async run({ harness, sent, options, results }) {
    const found = await results()
    const isLate = (one: Sent): boolean => {
      const result = found.get(one)
      return result?.kind === 'prediction' && result.late
    }
    const memory = inMemory(harness.stream, options)
    const inTime = sent.filter((one) => !isLate(one))
    await memory.take(inTime)
    for (const one of inTime) assert.deepEqual(found.get(one), await memory.resultOf(one), one.says)
  },
})
