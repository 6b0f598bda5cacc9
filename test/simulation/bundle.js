import { build } from 'esbuild'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { breaks } from './breaks.js'

const root = join(import.meta.dirname, '..', '..')

/**
 * The simulation's worker as one file, so that processes of plain Node run the sources as they are, or without one
 * protection.
 *
 * @param {string | undefined} broken Name of the protection that is taken out.
 * @returns {Promise<string>} Where it is.
 */
export async function bundle(broken) {
  const edit = broken === undefined ? undefined : breaks[broken]
  if (broken !== undefined && edit === undefined)
    throw new Error(`there is no protection '${broken}'; there are ${Object.keys(breaks).join(', ')}`)
  const outfile = join(root, 'node_modules', '.cache', 'tidemill-simulation', `${broken ?? 'whole'}-${process.pid}.mjs`)
  let edited = false
  await build({
    entryPoints: [join(import.meta.dirname, 'run.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'error',
    plugins: [
      {
        name: 'sources as they stand',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            let contents = (await readFile(path, 'utf8')).replaceAll(
              'import.meta.url',
              JSON.stringify(pathToFileURL(path).href),
            )
            if (edit !== undefined && relative(root, path) === edit.file) {
              if (contents.split(edit.find).length !== 2)
                throw new Error(
                  `${edit.file} has not exactly one place that reads '${edit.find}': tell breaks.js how ` +
                    `protection '${broken}' is taken out now`,
                )
              contents = contents.replace(edit.find, () => edit.put)
              edited = true
            }
            return { contents, loader: 'ts' }
          })
        },
      },
    ],
  })
  if (edit !== undefined && !edited) throw new Error(`${edit.file} is no part of the simulation`)
  return outfile
}
