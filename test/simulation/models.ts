import { EngineError } from '../../src/base/errors.js'
import { ModelRunError, type ModelRuntime, type Session } from '../../src/scorers/model-runtime.js'
import type { ModelName, StoredModel } from '../../src/scorers/model-store.js'
import { asError, type SimulatedProcess } from './process.js'
import type { Servers } from './ports.js'
import { hashOf } from './random.js'
import { stream } from './stream.js'

export const family = stream.stream.model!
export const versions = ['v1', 'v2', 'v3'] as const

/** A model of the simulation: its id is all there is to it. */
export function modelOf({ scope, version }: ModelName): StoredModel {
  const { names, fingerprint } = stream.plan
  const id = `${scope}/${version}`
  return {
    manifest: {
      family,
      scope,
      version,
      fingerprint,
      features: [...names],
      sha256: '0'.repeat(64),
      input: 'x',
      output: 'y',
      metrics: {},
      reference: {},
    },
    model: { id, bytes: Buffer.from(id) },
  }
}

/**
 * A score that depends on the model and on every bit of the vector, the same in every batch; one vector in nineteen no
 * model can score. Every model can score a vector without values, with which the engine probes it.
 */
export function scoreOf(id: string, vector: Float32Array): number {
  const hash = hashOf(`${id} ${vector.join()}`) >>> 0
  if (hash % 19 === 0 && vector.some((value) => Math.abs(value) > 0))
    throw new ModelRunError(`model ${id} cannot score ${vector.join()}`)
  return Math.fround(hash / 0x1_0000_0000)
}

/** Models as a process runs them: off its event loop, so that an answer takes a moment. */
export function runtimeOf(process: SimulatedProcess, delayMs: () => number): ModelRuntime {
  const later = <Result>(work: () => Result): Promise<Result> =>
    new Promise((resolve, reject) =>
      process.after(delayMs(), () => {
        try {
          resolve(work())
        } catch (error) {
          reject(asError(error))
        }
      }),
    )
  return { open: async ({ id }) => sessionOf(id, later), close: async () => undefined }
}

function sessionOf(id: string, later: <Result>(work: () => Result) => Promise<Result>): Session {
  const width = stream.plan.width
  return {
    id,
    width,
    run: (vectors, rows) =>
      later(() =>
        Float32Array.from({ length: rows }, (_, row) => scoreOf(id, vectors.subarray(row * width, (row + 1) * width))),
      ),
  }
}

/** Reads models as a process does to which they come over the log: some are not here yet. */
export function modelsOf(
  process: SimulatedProcess,
  { network, hazards }: Servers,
  arrivesAfterMs: () => number,
): (name: ModelName) => Promise<StoredModel> {
  const arrivesAtMs = new Map<string, number>()
  return (name) =>
    network.call(process, {
      what: `model ${name.scope}/${name.version}`,
      server: 'models',
      down: 'LOG_DOWN',
      changes: false,
      effect: async () => {
        const model = modelOf(name)
        if (!arrivesAtMs.has(model.model.id)) {
          const missing = hazards.strikes('missing model', 0.4)
          arrivesAtMs.set(model.model.id, process.timeline.nowMs + (missing === undefined ? 0 : arrivesAfterMs()))
          if (missing !== undefined) hazards.met('missing model', `${process.name} lacks ${model.model.id}`, missing)
        }
        if (process.timeline.nowMs < arrivesAtMs.get(model.model.id)!)
          throw new EngineError('UNKNOWN_MODEL', `model ${model.model.id} is not here yet`)
        return model
      },
    })
}
