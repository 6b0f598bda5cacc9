import { join } from 'node:path'
import { bundle as bundleOf } from '../bundle.js'
import { breaks } from './breaks.js'

/**
 * The simulation's worker as one file.
 *
 * @param {string | undefined} broken Name of the protection that is taken out.
 * @returns {Promise<string>} The path of the file.
 */
export async function bundle(broken) {
  const edit = broken === undefined ? undefined : breaks[broken]
  if (broken !== undefined && edit === undefined)
    throw new Error(`there is no protection '${broken}'; there are ${Object.keys(breaks).join(', ')}`)
  return bundleOf(
    join(import.meta.dirname, 'run.ts'),
    `simulation-${broken ?? 'whole'}`,
    edit === undefined ? [] : [edit],
  )
}
