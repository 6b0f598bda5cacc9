import { isEngineError, messageOf } from '../../base/errors.js'
import type { ModelName, StoredModel } from '../../scorers/model-store.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { NewDecision } from '../control/decision.js'
import type { RouteDecision, Routes } from '../control/routes.js'

const bootstrap = 'bootstrap'

export interface BundledOptions {
  readonly streams: readonly CompiledStream[]
  /** The models in the models folder, versions ascending. */
  readonly models: readonly ModelName[]
  /** What is decided so far. */
  readonly routes: Pick<Routes, 'last'>
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  /** Makes a model known to every machine. Called before any decision, so that every process finds the model of one. */
  readonly publish?: (name: ModelName) => Promise<void>
  readonly report: (message: string) => void
}

/**
 * The decisions of an engine at its start. It publishes every bundled model. The newest bundled model of a stream's
 * family serves, unless a person has decided otherwise. The heuristic serves where the model does not fit the stream,
 * which is reported, or where its manifest withholds it.
 */
export async function bundledDecisions(options: BundledOptions): Promise<readonly NewDecision[]> {
  const decisions: NewDecision[] = []
  for (const stream of options.streams) {
    const bundled = options.models.filter((one) => one.family === stream.stream.model && one.scope === 'global')
    const newest = bundled.at(-1)
    if (newest === undefined) continue
    const published = await publishAll(options, bundled)
    const { family, scope } = newest
    const last = options.routes.last(family, scope)
    if ((last !== undefined && !mayReplace(last, newest)) || !published.has(newest)) continue
    if (await fits(options, stream, newest))
      decisions.push({ kind: 'activate', ...newest, by: bootstrap, why: 'bundled with the engine' })
    else if (last !== undefined) decisions.push({ kind: 'deactivate', family, scope, by: bootstrap, why: unfit })
  }
  return decisions
}

const unfit = 'the bundled model no longer fits the stream, or is withheld'

/** A person's decision stays, and so does one that the newest model serves. */
const mayReplace = (last: RouteDecision, newest: ModelName): boolean =>
  last.by === bootstrap && !(last.kind === 'activate' && last.version === newest.version)

/** Publishes all versions, because a person may return to an older one. Returns those that every machine can read. */
async function publishAll(
  { publish, report }: BundledOptions,
  models: readonly ModelName[],
): Promise<ReadonlySet<ModelName>> {
  if (publish === undefined) return new Set(models)
  const published = new Set<ModelName>()
  for (const name of models) {
    try {
      await publish(name)
      published.add(name)
    } catch (error) {
      if (!isEngineError(error) || error.disposition === 'retry') throw error
      report(`${error.message}: it is not published, and the engine does not make it serve`)
    }
  }
  return published
}

async function fits(
  { readModel, report }: BundledOptions,
  { stream, plan }: CompiledStream,
  name: ModelName,
): Promise<boolean> {
  try {
    const { manifest } = await readModel(name)
    if (manifest.withheld !== undefined) return false
    if (manifest.fingerprint === plan.fingerprint) return true
    report(
      `model ${name.family}/global/${name.version} was trained on vectors ${manifest.fingerprint}, stream ` +
        `${stream.name} makes ${plan.fingerprint}: the heuristic serves`,
    )
  } catch (error) {
    report(`${messageOf(error)}: the heuristic serves stream ${stream.name}`)
  }
  return false
}
