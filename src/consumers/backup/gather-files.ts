import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { copyIfThere, copyWhole, filesBelow } from './files.js'

/** The files of a machine outside its stores, with either preset. */
export interface GatheredFiles {
  readonly paths: { readonly models: string; readonly keys: string }
  /** The models that the machine was given. */
  readonly givenModels: string
  /** Files of the configuration and of the user's streams; `file` is the path below `configuration`. */
  readonly configuration: readonly { readonly from: string; readonly file: string }[]
}

/** Copies models, configuration and keys into the folder of a backup. */
export async function gatherFiles({ paths, givenModels, configuration }: GatheredFiles, folder: string): Promise<void> {
  for (const directory of [givenModels, paths.models]) await gatherModels(directory, join(folder, 'models'))
  for (const { from, file } of configuration) await copyWhole(from, join(folder, 'configuration', file))
  await copyIfThere(paths.keys, join(folder, basename(paths.keys)))
}

/** Copies the models that the folder does not have yet. Hidden folders hold models that are not complete. */
async function gatherModels(from: string, to: string): Promise<void> {
  for (const path of await filesBelow(from)) {
    if (path.startsWith('.') || (await stat(join(to, path)).catch(() => undefined)) !== undefined) continue
    await copyWhole(join(from, path), join(to, path))
  }
}
