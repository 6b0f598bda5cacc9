import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packagePath } from '../../src/config/load.js'

/** The fixture's stream as a user's file, which imports the package by its name. Returns the folder of it. */
export async function doorsAsAUsers(directory: string): Promise<string> {
  const streams = join(directory, 'streams')
  await mkdir(streams)
  const text = await readFile(packagePath('test/fixtures/doors.ts'), 'utf8')
  await writeFile(join(streams, 'doors.ts'), text.replace('../../src/index.js', 'tidemill'))
  await copyFile(packagePath('test/fixtures/doors.avsc'), join(streams, 'doors.avsc'))
  return streams
}
