// `npm run test:faults`: bundles the fault tests, whose engines run from dist/ as it is installed, and runs them.
import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Packages are found from here as they are from the root.
const outdir = join(root, 'node_modules/.cache/tidemill-faults', `${process.pid}`)
const entryPoints = {
  run: join(root, 'test/faults/run.ts'),
  append: join(root, 'test/log/local/append-until-killed.ts'),
}

/**
 * The product's own code comes from dist/, and plain scripts stay where they are: both know where they lie. @type
 * {import('esbuild').Plugin}
 */
const outside = {
  name: 'outside',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point') return undefined
      const file = resolve(dirname(importer), path)
      if (file.startsWith(join(root, 'src/')))
        return { path: join(root, 'dist', file.slice(join(root, 'src/').length)), external: true }
      return existsSync(file) ? { path: file, external: true } : undefined
    })
  },
}

if (!existsSync(join(root, 'dist/compose/engine.js'))) throw new Error('dist/ is missing: npm run build')
await build({
  entryPoints,
  outdir,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  plugins: [outside],
  logLevel: 'warning',
})
const child = spawn(process.execPath, [join(outdir, 'run.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, FAULTS_PROGRAMS: outdir },
})
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal))
child.on('exit', (code) => {
  rmSync(outdir, { recursive: true, force: true })
  process.exitCode = code ?? 1
})
