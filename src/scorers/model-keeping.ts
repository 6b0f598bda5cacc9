import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { modelPath, type ModelFiles, type ModelName } from './model-store.js'

/**
 * Stores a model for `readModel`, completely or not at all: writes a temporary folder, flushes and renames it. Replaces
 * an existing model. Throws the file system's errors.
 */
export async function keepModel(directory: string, name: ModelName, files: ModelFiles): Promise<void> {
  const folder = join(directory, modelPath(name))
  await mkdir(dirname(folder), { recursive: true, mode: 0o750 })
  const beside = await mkdtemp(join(directory, '.incoming-'))
  try {
    await write(join(beside, 'model.onnx'), files.model)
    if (files.card.length > 0) await write(join(beside, 'card.md'), files.card)
    await write(join(beside, 'manifest.json'), files.manifest)
    await flush(beside)
    await rm(folder, { recursive: true, force: true })
    await rename(beside, folder)
    await flush(dirname(folder))
  } catch (error) {
    await rm(beside, { recursive: true, force: true })
    throw error
  }
}

/** The owner may write and the group may read, for backups and administrators; others have no access. */
async function write(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o640)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function flush(directory: string): Promise<void> {
  const handle = await open(directory)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
