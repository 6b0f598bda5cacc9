import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { EngineError, messageOf } from '../base/errors.js'
import type { ModelBytes } from './model-runtime.js'

const Bins = Type.Object({ edges: Type.Array(Type.Number()), counts: Type.Array(Type.Number()) })

/** The manifest of a model file: its identity, its training and its inputs. */
export const Manifest = Type.Object({
  family: Type.String({ minLength: 1 }),
  /** 'global' or a tenant. */
  scope: Type.String({ minLength: 1 }),
  version: Type.String({ minLength: 1 }),
  /** The plan fingerprint of the vectors it was trained on. */
  fingerprint: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  features: Type.Array(Type.String()),
  /** SHA-256 of model.onnx, hex. */
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  input: Type.String(),
  output: Type.String(),
  metrics: Type.Record(Type.String(), Type.Unknown()),
  window: Type.Optional(Type.Unknown()),
  /** The lowest scores of medium and high risk; the stream's own when absent. */
  thresholds: Type.Optional(Type.Object({ medium: Type.Number(), high: Type.Number() })),
  /** Per feature the training median (null when the feature was always missing) and the bins for drift. */
  reference: Type.Record(
    Type.String(),
    Type.Object(
      { median: Type.Union([Type.Number(), Type.Null()]), bins: Type.Optional(Bins) },
      { additionalProperties: true },
    ),
  ),
  /** Why the model serves only after a person activates it, for example a failed test on other data. */
  withheld: Type.Optional(Type.String({ minLength: 1 })),
  parent: Type.Optional(Type.Union([Type.String(), Type.Null()])),
})
export type Manifest = Static<typeof Manifest>

export interface StoredModel {
  readonly manifest: Manifest
  readonly model: ModelBytes
}

/** Names a model: `<family>/<scope>/<version>`, its folder below `models/`. */
export interface ModelName {
  readonly family: string
  readonly scope: string
  readonly version: string
}

/** The folder of a model below `models/`. Throws UNKNOWN_MODEL for a name that would leave it. */
export function modelPath({ family, scope, version }: ModelName): string {
  for (const part of [family, scope, version])
    if (!/^[^/\\]+$/.test(part) || part.startsWith('.'))
      throw new EngineError(
        'UNKNOWN_MODEL',
        `${JSON.stringify([family, scope, version])} is not the name of a model: a part must not be empty, start ` +
          'with a dot or contain a slash',
      )
  return join(family, scope, version)
}

/** A model in messages, metrics and settings. */
export const labelOf = ({ family, scope, version }: ModelName): string => `${family}/${scope}/${version}`

/** The models of a folder, sorted by name. Throws BAD_CONFIG where there is no such folder. */
export async function listModels(directory: string): Promise<ModelName[]> {
  await assertModelsFolder(directory)
  const names: ModelName[] = []
  for (const family of await foldersOf(directory))
    for (const scope of await foldersOf(join(directory, family)))
      for (const version of await foldersOf(join(directory, family, scope))) names.push({ family, scope, version })
  return names
}

/** Throws BAD_CONFIG where there is no such folder: a mistyped name must not look like a folder without models. */
export async function assertModelsFolder(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined)
  if (found?.isDirectory() !== true)
    throw new EngineError(
      'BAD_CONFIG',
      `models.directory: ${directory} is ${found === undefined ? 'missing' : 'no folder'}; correct --models, or ` +
        'make it',
      { field: 'models.directory' },
    )
}

async function foldersOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort()
}

/** Reads a model and checks it against its manifest. Throws MODEL_DAMAGED, UNKNOWN_MODEL. */
export const readModel = async (directory: string, name: ModelName): Promise<StoredModel> =>
  modelOf(name, await readModelFiles(directory, name))

/** The files of a model, byte for byte; the card is empty when there is none. */
export interface ModelFiles {
  readonly manifest: Buffer
  readonly card: Buffer
  readonly model: Buffer
}

/** Reads the files of a model. Throws UNKNOWN_MODEL. */
export async function readModelFiles(directory: string, name: ModelName): Promise<ModelFiles> {
  const folder = join(directory, modelPath(name))
  const read = (file: string): Promise<Buffer> =>
    readFile(join(folder, file)).catch((cause: unknown) => {
      throw new EngineError('UNKNOWN_MODEL', `model ${modelPath(name)} has no readable ${file}: ${messageOf(cause)}`)
    })
  return {
    manifest: await read('manifest.json'),
    model: await read('model.onnx'),
    card: await read('card.md').catch(() => Buffer.alloc(0)),
  }
}

/** The model in the files, after a check against its manifest. Throws MODEL_DAMAGED. */
export function modelOf(name: ModelName, files: ModelFiles): StoredModel {
  const manifest = parseManifest(files.manifest, name)
  const sha256 = createHash('sha256').update(files.model).digest('hex')
  if (sha256 !== manifest.sha256)
    throw new EngineError(
      'MODEL_DAMAGED',
      `model ${modelPath(name)}: model.onnx has sha256 ${sha256}, but its manifest has ${manifest.sha256}; ` +
        'restore the file or train again',
    )
  return { manifest, model: { id: sha256, bytes: files.model, input: manifest.input, output: manifest.output } }
}

function parseManifest(text: Buffer, name: ModelName): Manifest {
  let manifest: unknown
  try {
    manifest = JSON.parse(text.toString())
  } catch (cause) {
    throw new EngineError('MODEL_DAMAGED', `model ${modelPath(name)}: manifest.json is not JSON: ${messageOf(cause)}`)
  }
  const problem = [...Value.Errors(Manifest, manifest)][0]
  if (problem !== undefined)
    throw new EngineError('MODEL_DAMAGED', `model ${modelPath(name)}: manifest.json${problem.path}: ${problem.message}`)
  return manifest as Manifest
}

/** Reads a model from a bare file, without a manifest; its version is `file:` and the start of its hash. */
export async function readModelFile(path: string): Promise<{ readonly version: string; readonly model: ModelBytes }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new EngineError('UNKNOWN_MODEL', `cannot read the model file ${path}: ${messageOf(cause)}`)
  })
  const id = createHash('sha256').update(bytes).digest('hex')
  return { version: `file:${id.slice(0, 12)}`, model: { id, bytes } }
}
