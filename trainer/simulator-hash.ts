import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

/**
 * sha256 over the programs that decide what happens in a world (all .ts files below `src/simulator/world/`, sorted by
 * base name). Only their structure counts: comments, layout, types and folders do not. Model cards carry the hash,
 * because a figure belongs to the world in which it was measured.
 */
export function simulatorHash(folder = fileURLToPath(new URL('../src/simulator/world/', import.meta.url))): string {
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ name: basename(file), path: join(folder, file) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, path } of files) {
    const { code } = transformSync(inOneFolder(readFileSync(path, 'utf8'), path, folder), {
      loader: 'ts',
      format: 'esm',
      target: 'es2023',
      minify: true,
      legalComments: 'none',
    })
    hash.update(`${name}\n${code.replace(/from"[^"]*\//g, 'from"')}`)
  }
  return hash.digest('hex')
}

/** Rewrites imports as if all files lay in `folder` itself: the minifier counts the letters of import paths. */
const inOneFolder = (text: string, path: string, folder: string): string =>
  text.replace(/from '(\.[^']*)'/g, (_, imported: string) => {
    const target = relative(folder, join(dirname(path), imported))
    return `from '${target.startsWith('..') ? target : `./${basename(target)}`}'`
  })
