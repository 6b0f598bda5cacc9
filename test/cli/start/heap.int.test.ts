import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { test } from 'vitest'
import { packagePath } from '../../../src/config/load.js'

/** Holds 30 MiB, allocates and frees 200 more, and prints how often the whole heap was collected. */
const program = (prepare: string): string => `
${prepare}
const { PerformanceObserver, constants } = await import('node:perf_hooks')
const { setImmediate: turn } = await import('node:timers/promises')
let collections = 0
const isMajor = ({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR
const observer = new PerformanceObserver((list) => (collections += list.getEntries().filter(isMajor).length))
observer.observe({ entryTypes: ['gc'] })
const held = Array.from({ length: 300 }, () => Array.from({ length: 12_500 }, (_, i) => i + 0.5))
// From its second collection on, V8 decides by the memory allocated since the last one.
for (let i = 0; i < 3; i++) {
  gc()
  await turn()
}
collections = 0
for (let i = 0; i < 2_000; i++) {
  held[i % 100] = Array.from({ length: 12_500 }, (_, j) => i + j + 0.5)
  if (i % 50 === 0) await turn()
}
for (let i = 0; i < 3; i++) await turn()
process.stdout.write(String(collections) + ' ' + held.length)
`

/**
 * By default V8 also decides by the speed of the machine, and collects an idle heap. So the processes begin with a
 * fixed growth of 30 percent, without the collector for idle heaps: the counts depend on the memory alone.
 */
const fixed = ['--heap-growing-percent=30', '--no-memory-reducer', '--single-threaded-gc']

function collections(prepare: string): number {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', ...fixed, '--input-type=module', '-e', program(prepare)],
    { encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  return Number(stdout.split(' ')[0])
}

test('the heap of an engine grows further before all of it is collected', () => {
  const usual = collections('')
  const rare = collections(
    'const { letHeapGrow } = await ' +
      `import(${JSON.stringify(pathToFileURL(packagePath('dist/cli/start/heap.js')).href)}); letHeapGrow()`,
  )
  assert.ok(rare * 2 <= usual, `${rare} collections, usually ${usual}`)
})
