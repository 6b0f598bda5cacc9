import { isEngineError, messageOf } from '../../base/errors.js'
import type { ModelName, StoredModel } from '../../scorers/model-store.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { NewDecision } from '../control/decision.js'
import type { RouteDecision, Routes } from '../control/routes.js'

/** The authors of decisions that the engine makes at its start: for the demo models, and for `models.serve`. */
const authors = { demo: 'bootstrap', settings: 'configuration' } as const

export interface BundledOptions {
  readonly streams: readonly CompiledStream[]
  /** The models in the models folder, versions ascending. */
  readonly models: readonly ModelName[]
  /** `models.serve`: the models that serve from the start, `family/version`. */
  readonly serve: readonly string[]
  /** Whether a person set `models.serve`. */
  readonly isSet: boolean
  /** What is decided so far. */
  readonly routes: Pick<Routes, 'last'>
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  /** Makes a model known to every machine. Called before any decision, so that every process finds the model of one. */
  readonly publish?: (name: ModelName) => Promise<void>
  readonly report: (message: string) => void
}

/**
 * The decisions of an engine at its start. It publishes every model of its folder. The model that `models.serve` names
 * serves, unless a person has decided otherwise in the control topic; no model serves because it is the newest. The
 * heuristic serves where the named model does not fit the stream, which is reported, or where its manifest withholds
 * it.
 */
export async function bundledDecisions(options: BundledOptions): Promise<readonly NewDecision[]> {
  const decisions: NewDecision[] = []
  for (const stream of options.streams) {
    const { model: family } = stream.stream
    const ofFamily = options.models.filter((one) => one.family === family && one.scope === 'global')
    if (family === undefined) continue
    const published = await publishAll(options, ofFamily)
    const version = versionNamed(options.serve, family)
    const last = options.routes.last(family, 'global')
    if (version === undefined) {
      if (last === undefined) await reportUnchosen(options, ofFamily)
      continue
    }
    const named = ofFamily.find((one) => one.version === version)
    if (named === undefined) reportAbsent(options, family, version)
    else if (published.has(named) && mayReplace(options, last, named))
      decisions.push(...(await decisionsAbout(options, stream, named, last)))
  }
  return decisions
}

/** The version that `models.serve` names for a family. */
export const versionNamed = (serve: readonly string[], family: string): string | undefined =>
  serve.find((one) => one.startsWith(`${family}/`))?.slice(family.length + 1)

async function decisionsAbout(
  options: BundledOptions,
  stream: CompiledStream,
  named: ModelName,
  last: RouteDecision | undefined,
): Promise<readonly NewDecision[]> {
  const by = options.isSet ? authors.settings : authors.demo
  const why = options.isSet ? 'named in models.serve' : 'bundled with the engine'
  if (await fits(options, stream, named)) return [{ kind: 'activate', ...named, by, why }]
  const { family, scope } = named
  return last === undefined ? [] : [{ kind: 'deactivate', family, scope, by, why: unfit }]
}

const unfit = 'the named model no longer fits the stream, or is withheld'

/** A person's decision stays, and so does one that the named model serves. */
function mayReplace({ isSet, report }: BundledOptions, last: RouteDecision | undefined, named: ModelName): boolean {
  if (last === undefined) return true
  const isNamed = last.kind === 'activate' && last.version === named.version
  if (Object.values<string>(authors).includes(last.by)) return !isNamed
  if (isSet && !isNamed)
    report(
      `models.serve names ${named.family}/${named.version}, but ${last.by} decided otherwise on ` +
        `${new Date(last.atMs).toISOString()} (${last.why}): that decision stays`,
    )
  return false
}

function reportAbsent({ isSet, report }: BundledOptions, family: string, version: string): void {
  if (isSet)
    report(
      `models.serve names ${family}/${version}, which is not in the models folder of this machine: it serves only ` +
        'where another machine has it',
    )
}

/** A person may expect that a model serves because it is in the folder. */
async function reportUnchosen({ readModel, report }: BundledOptions, models: readonly ModelName[]): Promise<void> {
  const usable: string[] = []
  for (const name of models) {
    const stored = await readModel(name).catch(() => undefined)
    if (stored?.manifest.withheld === undefined) usable.push(name.version)
  }
  if (usable.length > 0)
    report(
      `family ${models[0]!.family} has models (${usable.join(', ')}), but no person chose one: the heuristic serves. ` +
        `Choose one with models.serve, for example ${models[0]!.family}/${usable.at(-1)!}`,
    )
}

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
