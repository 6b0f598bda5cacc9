import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { ModelRunError } from '../../src/scorers/model-runtime.js'
import type { Serving } from '../../src/scorers/routing.js'

/**
 * A model whose score is a function of the features by name. The function throws where the model is to fail on an
 * event.
 */
export const modelThat =
  (
    score: (x: Readonly<Record<string, number>>) => number,
    { version = 'v1', thresholds = { medium: 0.5, high: 0.8 } }: Partial<Pick<Serving, 'version' | 'thresholds'>> = {},
  ) =>
  ({ plan, scored }: CompiledStream): Serving => ({
    version,
    thresholds,
    typical: scored.typical,
    session: {
      id: version,
      width: plan.width,
      run: async (vectors, rows) =>
        Float32Array.from({ length: rows }, (_, row) => {
          const values = vectors.subarray(row * plan.width, (row + 1) * plan.width)
          try {
            return score(Object.fromEntries(plan.names.map((name, i) => [name, values[i]!])))
          } catch (error) {
            throw new ModelRunError('the model failed', { cause: error })
          }
        }),
    },
  })
