/**
 * How fast state is loaded and committed: prints JSON. After `npm run build`, with `redis-server` on PATH:
 *
 *     node bench/redis-state.js [--cluster] [--blob-bytes 300] [--entities 100000] [--runs 5]
 *
 * Loads and commits of 100 blobs are timed one after the other; larger ones give blobs a second. `blocked_ms` is what
 * Redis itself says a commit kept it busy, in which it answers nobody. `concurrent` is 16 partitions loading at once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { redis, redisCluster } from '../scripts/services/redis.js'

const { openRedisStateStore } = await import(new URL('../dist/state/redis/state-store.js', import.meta.url).href)
const { values: options } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    'blob-bytes': { type: 'string', default: '300' },
    entities: { type: 'string', default: '100000' },
    runs: { type: 'string', default: '5' },
  },
})
const blobBytes = Number(options['blob-bytes'])
const entities = Number(options.entities)
const runs = Number(options.runs)

const directory = mkdtempSync(join(tmpdir(), 'tidemill-bench-redis-'))
const server = await (options.cluster ? redisCluster : redis).start({ directory })
const nodes = server.ports.slice(0, options.cluster ? 3 : 1).map((port) => ({ host: '127.0.0.1', port }))
const admins = nodes.map((node) => new Redis(node))
const store = await openRedisStateStore({ nodes })

const at = { stream: 'attendance', partition: 0 }
const { epoch } = await store.claim(at, 'bench', 0)
let last = -1
let next = 0
/** @param {number} count */
const someKeys = (count) =>
  Array.from(
    { length: count },
    () => `person\u0001tenant-${next % 40}\u0001person-${(next = (next + 7_919) % entities)}`,
  )
/** @param {number} count */
const commit = (count) =>
  store.commit({
    at,
    epoch,
    previous: last,
    last: ++last,
    puts: someKeys(count).map((key) => ({ key, blob: Buffer.alloc(blobBytes, next), expiresAtMs: 2e12 + next })),
  })
/** @param {number} count */
const load = (count) => store.load(at, someKeys(count))

/** What Redis itself spent on commits since the last call, ms. */
async function busyMs() {
  let spentUs = 0
  for (const admin of admins) {
    spentUs += Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
    await admin.config('RESETSTAT')
  }
  return spentUs / 1_000
}

/** @param {readonly number[]} times @param {number} share */
const quantile = (times, share) =>
  Number([...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)]?.toFixed(2))

/**
 * Latency over `times` calls, and blobs a second in them. @param {(count: number) => Promise<unknown>} call @param
 * {number} blobs @param {number} times
 */
async function measured(call, blobs, times) {
  for (let i = 0; i < 3; i++) await call(blobs)
  await busyMs()
  const tookMs = []
  for (let i = 0; i < times; i++) {
    const fromMs = performance.now()
    await call(blobs)
    tookMs.push(performance.now() - fromMs)
  }
  return {
    blobs,
    times,
    p50_ms: quantile(tookMs, 0.5),
    p99_ms: quantile(tookMs, 0.99),
    blobs_per_second: Math.round((blobs * 1_000) / quantile(tookMs, 0.5)),
    ...(call === commit ? { blocked_ms: Number(((await busyMs()) / times).toFixed(2)) } : {}),
  }
}

for (let filled = 0; filled < entities; filled += 10_000) await commit(10_000)
const commits = [
  await measured(commit, 100, runs * 100),
  await measured(commit, 5_000, runs * 4),
  await measured(commit, 50_000, runs),
]
const loads = [await measured(load, 100, runs * 100), await measured(load, 5_000, runs * 4)]
const concurrent = await measured(() => Promise.all(Array.from({ length: 16 }, () => load(100))), 1_600, runs * 40)
process.stdout.write(
  `${JSON.stringify({ server: server.variables, blobBytes, entities, commits, loads, concurrent }, null, 1)}\n`,
)

await store.close()
for (const admin of admins) admin.disconnect()
await server.stop('SIGKILL')
rmSync(directory, { recursive: true })
