import { isEngineError, messageOf } from '../../base/errors.js'
import type { ModelName, StoredModel } from '../../scorers/model-store.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { NewDecision } from '../control/decision.js'
import type { RouteDecision, Routes } from '../control/routes.js'

const bootstrap = 'bootstrap'

export interface BundledOptions {
  readonly streams: readonly CompiledStream[]
  /** The content of the models folder, versions ascending. */
  readonly models: readonly ModelName[]
  /** What is decided so far. */
  readonly routes: Pick<Routes, 'last'>
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  /**
   * Makes a model known to every machine. Done before anything is decided, so that a process that follows a decision
   * finds its model.
   */
  readonly publish?: (name: ModelName) => Promise<void>
  readonly report: (message: string) => void
}

/**
 * What an engine decides by itself when it starts. Every bundled model is published, and the newest bundled model of a
 * stream's family serves until a person has decided otherwise. A model that does not fit the stream is reported and left
 * out, and a model that its manifest withholds is left out; the heuristic then serves.
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

/** The models that other machines can have now. A person may return to an older one, so all of them are published. */
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
      report(`${error.message}: it is not published, and does not come to serve by itself`)
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
