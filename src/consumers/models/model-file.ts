import { EngineError, isEngineError } from '../../base/errors.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { readModelFile } from '../../scorers/model-store.js'
import { probe } from '../../scorers/probe.js'
import type { Serving } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'

export const isModelFile = (model: string): boolean => model.endsWith('.onnx') || /[/\\]/.test(model)

/**
 * Opens an ONNX file to score a stream. Throws MODEL_MISMATCH where it takes another number of features, and
 * MODEL_REFUSED where its answers are no scores.
 */
export async function servingOfFile(
  { stream, plan, scored: { typical }, canBeMissing }: CompiledStream,
  path: string,
  runtime: ModelRuntime,
  onModelError: (model: string, rows: number, problem: string) => void = () => undefined,
): Promise<Serving> {
  const { version, model } = await readModelFile(path)
  try {
    const session = await runtime.open(model)
    if (session.width !== plan.width)
      throw new EngineError(
        'MODEL_MISMATCH',
        `${path} takes ${session.width} features, stream ${stream.name} has ${plan.width}: ${plan.names.join(', ')}`,
      )
    await probe(session, { names: plan.names, typical, canBeMissing, known: [] })
    const onError = (rows: number, problem: string): void => onModelError(path, rows, problem)
    return { version, session, thresholds: stream.risk, typical, onError }
  } catch (error) {
    if (!isEngineError(error, 'MODEL_REFUSED')) throw error
    throw new EngineError('MODEL_REFUSED', `${path} cannot score: ${error.message}`)
  }
}
