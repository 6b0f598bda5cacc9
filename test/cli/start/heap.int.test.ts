import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { test } from 'vitest'
import { packagePath } from '../../../src/config/load.js'

/** Holds 30 MiB, slowly allocates and frees 80 more, and prints how often the whole heap was collected. */
const program = (prepare: string): string => `
${prepare}
const { PerformanceObserver, constants } = await import('node:perf_hooks')
let collections = 0
const isMajor = ({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR
const observer = new PerformanceObserver((list) => (collections += list.getEntries().filter(isMajor).length))
observer.observe({ entryTypes: ['gc'] })
const held = Array.from({ length: 300 }, () => Array.from({ length: 12_500 }, (_, i) => i + 0.5))
// From its second collection on, V8 decides by the memory allocated since the last one.
for (let i = 0; i < 3; i++) {
  await new Promise((next) => setTimeout(next, 100))
  gc()
}
await new Promise((next) => setTimeout(next, 50))
collections = 0
for (let turn = 0; turn < 800; turn++) {
  held[turn % 100] = Array.from({ length: 12_500 }, (_, i) => turn + i + 0.5)
  await new Promise((next) => setTimeout(next, 3))
}
await new Promise((next) => setTimeout(next, 50))
process.stdout.write(String(collections) + ' ' + held.length)
`

function collections(prepare: string): number {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-e', program(prepare)],
    { encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  return Number(stdout.split(' ')[0])
}

test('the whole heap of an engine is collected less often than by default', () => {
  const usual = collections('')
  const rare = collections(
    'const { letHeapGrow } = await ' +
      `import(${JSON.stringify(pathToFileURL(packagePath('dist/cli/start/heap.js')).href)}); letHeapGrow()`,
  )
  assert.ok(rare * 2 <= usual, `${rare} collections, usually ${usual}`)
})
