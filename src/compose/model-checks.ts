/** Opens the models of a folder as an engine would, for `tidemill doctor`. */
import { messageOf } from '../base/errors.js'
import { createClosing } from '../base/lifecycle.js'
import type { Config } from '../config/load.js'
import { servingOf } from '../consumers/control/serving.js'
import { compileStream, type CompiledStream } from '../consumers/ground/compiled.js'
import { createOnnxRuntime } from '../scorers/onnx/runtime.js'
import type { ModelRuntime } from '../scorers/model-runtime.js'
import { labelOf, listModels, readModel, type ModelName } from '../scorers/model-store.js'
import { chooseStreams } from '../streams/choose.js'

export interface CheckedModel {
  /** The model, and what it cannot do or whether it serves from the start. */
  readonly detail: string
  /** Why it cannot serve. */
  readonly problem?: string
}

/**
 * Every model of the streams' families: its bytes must be those of its manifest, its fingerprint the stream's, and its
 * answers scores. BAD_CONFIG where the folder is missing.
 */
export async function checkModels({ models, streams }: Config): Promise<readonly CheckedModel[]> {
  const names = await listModels(models.directory)
  const closing = createClosing()
  const runtime = createOnnxRuntime()
  closing.add(() => runtime.close())
  try {
    const checked: CheckedModel[] = []
    for (const stream of (await chooseStreams(streams)).map(compileStream)) {
      const { name, model: family } = stream.stream
      const ofStream = names.filter((one) => one.family === family)
      if (family !== undefined && ofStream.length === 0) checked.push({ detail: `${name}: none, the heuristic serves` })
      for (const one of ofStream) checked.push(await checkModel(one, stream, models, runtime))
    }
    return checked
  } finally {
    await closing.close()
  }
}

async function checkModel(
  name: ModelName,
  stream: CompiledStream,
  { directory, serve }: Config['models'],
  runtime: ModelRuntime,
): Promise<CheckedModel> {
  const label = labelOf(name)
  const notes = serve.includes(`${name.family}/${name.version}`) ? ['named to serve'] : []
  try {
    await servingOf(
      {
        runtime,
        streams: [stream],
        readModel: (one) => readModel(directory, one),
        onModelNote: (_model, note) => void notes.push(note),
      },
      name,
    )
    return { detail: notes.length === 0 ? label : `${label} (${notes.join('; ')})` }
  } catch (error) {
    return { detail: label, problem: messageOf(error) }
  }
}
