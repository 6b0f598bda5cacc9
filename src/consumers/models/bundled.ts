import type { Clock } from '../../base/clock.js'
import { isEngineError, messageOf } from '../../base/errors.js'
import type { ModelName, StoredModel } from '../../scorers/model-store.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { Decision, Standing } from '../control/control.js'

const bootstrap = 'bootstrap'

export interface BundledOptions {
  readonly streams: readonly CompiledStream[]
  /** What lies in the models folder, versions ascending. */
  readonly models: readonly ModelName[]
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  /**
   * Makes a model known to every machine. Done before anything is decided, so that whoever follows a decision finds its
   * model.
   */
  readonly publish?: (name: ModelName) => Promise<void>
  readonly clock: Clock
  readonly report: (message: string) => void
}

/**
 * What an engine decides by itself when it starts: every bundled model is published, and the newest bundled model of a
 * stream's family serves, until a person has decided otherwise. A model that does not fit the stream is reported and
 * left out, one that its manifest withholds is left out; the heuristic then serves.
 */
export const activateBundled =
  (options: BundledOptions) =>
  async (standing: Standing): Promise<Decision[]> => {
    const decisions: Decision[] = []
    for (const stream of options.streams) {
      const bundled = options.models.filter((one) => one.family === stream.stream.model && one.scope === 'global')
      const newest = bundled.at(-1)
      if (newest === undefined) continue
      const published = await publishAll(options, bundled)
      const last = standing(newest.family, 'global')
      if (
        last !== undefined &&
        (last.by !== bootstrap || (last.kind === 'activate' && last.version === newest.version))
      )
        continue
      if (!published.has(newest)) continue
      if (await fits(options, stream, newest))
        decisions.push({
          kind: 'activate',
          ...newest,
          by: bootstrap,
          why: 'bundled with the engine',
          atMs: options.clock.nowMs(),
        })
      else if (last !== undefined)
        decisions.push({
          kind: 'deactivate',
          family: newest.family,
          scope: 'global',
          by: bootstrap,
          why: 'the bundled model no longer fits the stream, or is withheld',
          atMs: options.clock.nowMs(),
        })
    }
    return decisions
  }

/** Those that the other machines can have. A person may go back to an older one, so all of them are published. */
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
