import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Clock } from '../../base/clock.js'
import { EngineError, isEngineError } from '../../base/errors.js'
import type { EventLog, LogRecord, NewRecord } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import type { ModelName, StoredModel } from '../../scorers/model-store.js'
import { emptyRouting, withChampion, type Routing, type Serving } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'
import { controlTopic } from '../ground/topic-names.js'

/** A decision: who, when, why, what. The topic is the truth; every process folds it in order. */
export const Decision = Type.Union([
  Type.Object({
    kind: Type.Literal('activate'),
    family: Type.String(),
    scope: Type.String(),
    version: Type.String(),
    by: Type.String(),
    why: Type.String(),
    atMs: Type.Number(),
  }),
  Type.Object({
    kind: Type.Literal('deactivate'),
    family: Type.String(),
    scope: Type.String(),
    by: Type.String(),
    why: Type.String(),
    atMs: Type.Number(),
  }),
])
export type Decision = Static<typeof Decision>

export interface ControlOptions {
  readonly log: EventLog
  readonly streams: readonly CompiledStream[]
  readonly runtime: ModelRuntime
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  readonly clock: Clock
  /** Decisions to add once the topic is folded, before anything is loaded: what a first start decides by itself. */
  readonly firstDecisions?: (standing: Standing) => Promise<readonly Decision[]>
  /** A routed model that is not here is waited for, and so is the log that it comes over; this says so. */
  readonly onWaiting?: (name: ModelName, error: unknown) => void
}

/** The last decision of a family and scope. */
export type Standing = (family: string, scope: string) => Decision | undefined

/** The routing of this process, kept up with the control topic. */
export interface Control {
  current(): Routing
  /** Appends a decision and resolves when this process has taken it over. */
  decide(decision: Decision): Promise<void>
  /** Rejects when a decision cannot be followed: MODEL_MISMATCH, MODEL_DAMAGED. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

/** Folds the control topic from its beginning, loads what it routes to, and follows it. */
export async function followControl(options: ControlOptions): Promise<Control> {
  const { log, clock } = options
  const stop = new AbortController()
  const reader = log.reader(controlTopic)
  const standing = new Map<string, Decision>()
  const waiting: { position: number; resolve: () => void }[] = []
  let routing: Routing = emptyRouting

  /** Folds records in order and gives the scopes they decided on. */
  function fold(records: readonly LogRecord[]): Set<string> {
    const changed = new Set<string>()
    for (const record of records) {
      const decision = readDecision(record)
      if (decision === undefined) continue
      standing.set(keyOf(decision.family, decision.scope), decision)
      changed.add(keyOf(decision.family, decision.scope))
    }
    return changed
  }

  /** Takes the standing decisions of these scopes over; of several on one scope only the last is loaded. */
  async function follow(changed: ReadonlySet<string>, position: number): Promise<void> {
    let next = routing
    for (const key of changed) {
      const decision = standing.get(key)!
      next = withChampion(
        next,
        decision.family,
        decision.scope,
        decision.kind === 'activate' ? await load(decision) : undefined,
      )
    }
    routing = { ...next, position }
    for (const one of waiting.splice(0)) {
      if (one.position <= routing.position) one.resolve()
      else waiting.push(one)
    }
  }

  async function load(name: ModelName): Promise<Serving> {
    for (;;) {
      try {
        return await servingOf(options, name)
      } catch (error) {
        if (
          !isEngineError(error) ||
          !(error.code === 'UNKNOWN_MODEL' || error.disposition === 'retry') ||
          stop.signal.aborted
        )
          throw error
        options.onWaiting?.(name, error)
        await clock.sleep(1_000, stop.signal)
      }
    }
  }

  async function foldToEnd(from: number): Promise<number> {
    const { next: end } = await log.bounds(controlTopic)
    for await (const records of readUpTo(reader, from, end, bound, stop.signal)) fold(records)
    return Math.max(from, end)
  }

  let position = await foldToEnd(0)
  const first = (await options.firstDecisions?.((family, scope) => standing.get(keyOf(family, scope)))) ?? []
  if (first.length > 0) {
    await log.append(controlTopic, first.map(recordOf))
    position = await foldToEnd(position)
  }
  await follow(new Set(standing.keys()), position)

  const following = (async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const records = await reader.read(routing.position, bound, stop.signal)
      if (records.length > 0) await follow(fold(records), records.at(-1)!.offset + 1)
    }
  })()
  const failed = following.then(() => new Promise<never>(() => undefined))
  failed.catch(() => undefined)

  return {
    current: () => routing,
    async decide(decision) {
      const offset = await log.append(controlTopic, [recordOf(decision)])
      if (routing.position > offset) return
      await Promise.race([new Promise<void>((resolve) => waiting.push({ position: offset + 1, resolve })), failed])
    },
    failed,
    async close() {
      stop.abort()
      await following.catch(() => undefined)
      await reader.close()
    },
  }
}

const bound = { records: 1_000, bytes: 1024 * 1024 }
const keyOf = (family: string, scope: string): string => `${family}/${scope}`

const recordOf = (decision: Decision): NewRecord => ({
  key: Buffer.from(keyOf(decision.family, decision.scope)),
  value: Buffer.from(JSON.stringify(decision)),
})

/** A record that is no decision of this version is passed over: newer processes may write more kinds. */
export function readDecision(record: LogRecord): Decision | undefined {
  try {
    const value: unknown = JSON.parse(record.value?.toString() ?? '')
    return Value.Check(Decision, value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Loads a model and proves that it fits the stream it is to serve. */
export async function servingOf(
  { readModel, runtime, streams }: Pick<ControlOptions, 'readModel' | 'runtime' | 'streams'>,
  name: ModelName,
): Promise<Serving> {
  const label = `${name.family}/${name.scope}/${name.version}`
  const { manifest, model } = await readModel(name)
  const target = streams.find((one) => one.stream.model === name.family)
  if (target !== undefined && manifest.fingerprint !== target.plan.fingerprint)
    throw new EngineError(
      'MODEL_MISMATCH',
      `model ${label} was trained on vectors ${manifest.fingerprint}, stream ${target.stream.name} now makes ` +
        `${target.plan.fingerprint}; train it again on the changed features`,
    )
  const session = await runtime.open(model)
  if (session.width !== manifest.features.length)
    throw new EngineError(
      'MODEL_MISMATCH',
      `model ${label} takes ${session.width} features, its manifest names ${manifest.features.length}`,
    )
  const thresholds = manifest.thresholds ?? target?.stream.risk ?? { medium: 0.5, high: 0.8 }
  return {
    version: manifest.version,
    session,
    thresholds,
    typical: Float32Array.from(manifest.features, (feature) => manifest.reference[feature]?.median ?? NaN),
  }
}
