import { build } from 'esbuild'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')

/** @typedef {{ readonly file: string, readonly find: string, readonly put: string }} Edit */

/**
 * A program of the tests as one file, so that processes of plain Node run the sources as they are, or with one edit.
 *
 * @param {string} entry The program's file.
 * @param {string} name The name of the result.
 * @param {readonly Edit[]} edits Changes to places of source files.
 * @returns {Promise<string>} The path of the result.
 */
export async function bundle(entry, name, edits = []) {
  const outfile = join(root, 'node_modules', '.cache', 'tidemill-tests', `${name}-${process.pid}.mjs`)
  const made = new Set()
  await build({
    entryPoints: [entry],
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
            for (const edit of edits) {
              if (relative(root, path) !== edit.file) continue
              if (contents.split(edit.find).length !== 2)
                throw new Error(
                  `${edit.file} must contain '${edit.find}' exactly once; correct the edit '${name}' in breaks.js`,
                )
              contents = contents.replace(edit.find, () => edit.put)
              made.add(edit)
            }
            return { contents, loader: 'ts' }
          })
        },
      },
    ],
  })
  for (const edit of edits) if (!made.has(edit)) throw new Error(`${entry} does not use ${edit.file}`)
  return outfile
}
