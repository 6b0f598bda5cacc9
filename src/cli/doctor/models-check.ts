import type { Config } from '../../config/load.js'
import { servingOf } from '../../consumers/control/serving.js'
import { compileStream, type CompiledStream } from '../../consumers/ground/compiled.js'
import type { Check } from '../../contracts/checks.js'
import { messageOf } from '../../base/errors.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { listModels, readModel, type ModelName } from '../../scorers/model-store.js'
import { chooseStreams } from '../../streams/choose.js'
import { checked } from './local-checks.js'

/**
 * Opens every model of the streams' families as the engine does: its bytes must be those of its manifest, its
 * fingerprint the stream's, and its answers scores.
 */
export const modelsCheck = (config: Config): Promise<Check> =>
  checked('models', async () => {
    const names = await listModels(config.models.directory)
    const { createOnnxRuntime } = await import('../../scorers/onnx/runtime.js')
    const runtime = createOnnxRuntime()
    try {
      const found: Found[] = []
      for (const stream of (await chooseStreams(config.streams)).map(compileStream))
        found.push(...(await modelsOf(stream, names, config.models, runtime)))
      const problems = found.flatMap(({ problem }) => problem ?? [])
      if (problems.length > 0) throw new Error(problems.join('; '))
      return found.map(({ detail }) => detail).join(', ') || 'no stream names a family'
    } finally {
      await runtime.close()
    }
  })

interface Found {
  readonly detail: string
  readonly problem?: string
}

async function modelsOf(
  stream: CompiledStream,
  names: readonly ModelName[],
  { directory, serve }: Config['models'],
  runtime: ModelRuntime,
): Promise<readonly Found[]> {
  const { name: streamName, model: family } = stream.stream
  if (family === undefined) return []
  const ofStream = names.filter((name) => name.family === family)
  if (ofStream.length === 0) return [{ detail: `${streamName}: none, the heuristic serves` }]
  const found: Found[] = []
  for (const name of ofStream) {
    const label = `${name.family}/${name.scope}/${name.version}`
    const notes: string[] = []
    const onModelNote = (_model: string, note: string): void => void notes.push(note)
    try {
      const readIt = (one: ModelName) => readModel(directory, one)
      await servingOf({ runtime, streams: [stream], readModel: readIt, onModelNote }, name)
      if (serve.includes(`${family}/${name.version}`)) notes.unshift('named to serve')
      found.push({ detail: notes.length === 0 ? label : `${label} (${notes.join('; ')})` })
    } catch (error) {
      found.push({ detail: label, problem: messageOf(error) })
    }
  }
  return found
}
