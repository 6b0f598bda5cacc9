import { EngineError } from '../../base/errors.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { readModelFile } from '../../scorers/model-store.js'
import type { Serving } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'

/** Opens an ONNX file to score a stream. Throws MODEL_MISMATCH where it takes another number of features. */
export async function servingOfFile(
  { stream, plan, scored }: CompiledStream,
  path: string,
  runtime: ModelRuntime,
): Promise<Serving> {
  const { version, model } = await readModelFile(path)
  const session = await runtime.open(model)
  if (session.width !== plan.width)
    throw new EngineError(
      'MODEL_MISMATCH',
      `${path} takes ${session.width} features, stream ${stream.name} has ${plan.width}: ${plan.names.join(', ')}`,
    )
  return { version, session, thresholds: stream.risk, typical: scored.typical }
}
