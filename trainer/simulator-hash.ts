import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

/**
 * sha256 over the programs that decide what happens in a world (`src/simulator/world/*.ts`, in order of name). Only
 * their structure counts: comments, layout, types and the folders that they import from do not. Model cards carry the
 * hash, because a figure belongs to the world in which it was measured.
 */
export function simulatorHash(folder = fileURLToPath(new URL('../src/simulator/world/', import.meta.url))): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .sort()) {
    const { code } = transformSync(readFileSync(`${folder}/${name}`, 'utf8'), {
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
