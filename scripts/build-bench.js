// Builds bench/ into dist/bench, so that `tidemill bench` finds it in an installed package. The bundle does not contain
// the product's own modules.
import { build } from 'esbuild'
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const outdir = join(root, 'dist/bench')
const engine = readdirSync(join(root, 'bench/engine')).map((name) => [
  name.replace(/\.ts$/, ''),
  join(root, 'bench/engine', name),
])

/** Imports of src/ become imports of dist/, relative to dist/bench. @type {import('esbuild').Plugin} */
const product = {
  name: 'product',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, importer }) => {
      const file = resolve(dirname(importer), path)
      const source = join(root, 'src/')
      return file.startsWith(source)
        ? { path: relative(outdir, join(root, 'dist', file.slice(source.length))), external: true }
        : undefined
    })
  },
}

const { metafile } = await build({
  entryPoints: {
    ...Object.fromEntries(engine),
    'nab-score': join(root, 'bench/nab/score.ts'),
    'nab-uniform': join(root, 'bench/nab/uniform.ts'),
  },
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  plugins: [product],
  logLevel: 'warning',
  metafile: true,
  absWorkingDir: root,
})

// The names of shared chunks change with their content.
for (const name of readdirSync(outdir))
  if (metafile.outputs[`dist/bench/${name}`] === undefined) rmSync(join(outdir, name))
