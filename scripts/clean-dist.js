// Removes from dist/ what was compiled from files of src/ that are gone: tsc leaves it, and npm would pack it.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** `./cli/launch.d.cts.map`: the path below dist/ without its types, and the letter of a CommonJS file. */
const compiled = /^(.+?)(?:\.d)?\.(c?)[jt]s(?:\.map)?$/

for (const path of readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
  const [, name, common] = compiled.exec(path) ?? []
  // dist/bench is built by build-bench.js, which removes its own.
  if (name === undefined || /^bench[\\/]/.test(path)) continue
  const sources = ['ts', 'js'].map((type) => join(root, 'src', `${name}.${common}${type}`))
  if (!sources.some((source) => existsSync(source))) rmSync(join(root, 'dist', path))
}
