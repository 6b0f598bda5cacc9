import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * sha256 over the source of everything that decides what happens in a world (names and contents of `world/*.ts`, in
 * order of name). Model cards carry it: figures belong to the world they were measured in.
 */
export function simulatorHash(folder = fileURLToPath(new URL('../../src/simulator/world/', import.meta.url))): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts')).sort()) {
    hash.update(`${name}\n`)
    hash.update(readFileSync(`${folder}/${name}`))
  }
  return hash.digest('hex')
}
