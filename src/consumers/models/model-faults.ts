import { Counter, type Registry } from 'prom-client'
import type { Clock } from '../../base/clock.js'
import { labelOf } from '../../scorers/model-store.js'
import { championOf, type Routing } from '../../scorers/routing.js'
import type { Stream } from '../../streams/stream.js'

/** What one model did wrong in this process. */
interface ModelFault {
  rows: number
  readonly problem: string
  lastMs: number
}

/** The models of this process that fail: they are counted, logged once, and shown while they fail. */
export interface ModelFaults {
  /** The model was loaded: its counter exists from then on, so that Prometheus sees the first error as an increase. */
  opened(model: string): void
  /** The model failed on these rows, and the heuristic scored them. */
  add(model: string, rows: number, problem: string): void
  /** Why the models of a stream did not score all of its rows in the last hour; undefined where they did. */
  problemOf(stream: Pick<Stream, 'model'>, routing: Routing): string | undefined
}

export interface ModelFaultsOptions {
  readonly registry: Registry
  readonly clock: Clock
  readonly report: (message: string) => void
}

/** A failure is shown for this long. */
const shownMs = 60 * 60 * 1_000

export function followModelFaults({ registry, clock, report }: ModelFaultsOptions): ModelFaults {
  const faults = new Map<string, ModelFault>()
  const errors = new Counter({
    name: 'tidemill_model_errors_total',
    help: 'Rows that the heuristic scored because the model (family/scope/version) failed or is refused.',
    labelNames: ['model'],
    registers: [registry],
  })
  return {
    opened: (model) => errors.inc({ model }, 0),
    add(model, rows, problem) {
      errors.inc({ model }, rows)
      const known = faults.get(model)
      if (known !== undefined) {
        known.rows += rows
        known.lastMs = clock.nowMs()
        return
      }
      faults.set(model, { rows, problem, lastMs: clock.nowMs() })
      report(`model ${model} failed, and the heuristic scores such rows: ${problem}`)
    },
    problemOf({ model: family }, routing) {
      if (family === undefined) return undefined
      const sinceMs = clock.nowMs() - shownMs
      const scopes = [...(routing.champions.get(family)?.keys() ?? [])]
      const problems = scopes.flatMap((scope) => {
        const { version, refused } = championOf(routing, family, scope)!
        const label = labelOf({ family, scope, version })
        const fault = faults.get(label)
        const recent = fault !== undefined && fault.lastMs >= sinceMs ? fault : undefined
        if (refused !== undefined) return [refused]
        return recent === undefined ? [] : [`model ${label} failed on ${recent.rows} rows: ${recent.problem}`]
      })
      return problems.length === 0 ? undefined : problems.join('; ')
    },
  }
}
