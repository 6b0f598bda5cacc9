import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CompiledStream } from '../../../src/consumers/ground/compiled.js'
import { modelPath, type ModelName } from '../../../src/scorers/model-store.js'
import { linearModel } from '../../scorers/onnx/bytes.js'

/** Lays a model into a models folder: these bytes, or a score that grows with the first feature by this weight. */
export async function placeDoorsModel(
  directory: string,
  { stream, plan }: CompiledStream,
  version: string,
  weight: number | Buffer,
): Promise<ModelName> {
  const name: ModelName = { family: stream.model!, scope: 'global', version }
  const bytes =
    typeof weight === 'number' ? linearModel(plan.names.map((_, i) => (i === 0 ? weight / 100 : 0))) : weight
  const manifest = {
    ...name,
    fingerprint: plan.fingerprint,
    features: plan.names,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    input: 'input',
    output: 'score',
    metrics: {},
    reference: {},
    thresholds: { medium: 0.5, high: 0.9 },
  }
  const folder = join(directory, modelPath(name))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'model.onnx'), bytes)
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return name
}
