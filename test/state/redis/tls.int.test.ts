import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, test } from 'vitest'
import { redis } from '../../../scripts/services/redis.js'
import { endOf } from '../../../src/cli/terminal/exit.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { StatePartition } from '../../../src/state/state-store.js'
import { openRedisStateStore, type RedisStateOptions } from '../../../src/state/redis/state-store.js'
import { certificatesIn, type Certificates } from '../../certificates.js'
import { open } from './redis-servers.js'

const user = { username: 'engine', password: 'hush-hush' } as const
const at: StatePartition = { stream: 'attendance', partition: 0 }

let directory: string
let certificates: Certificates
let server: Awaited<ReturnType<typeof redis.start>>

const missing = redis.missing()
beforeEach(({ skip }) => {
  if (missing !== undefined) skip(missing)
})
beforeAll(async () => {
  if (missing !== undefined) return void process.stderr.write(`\n!!! NOT RUN: tests of Redis over TLS: ${missing}\n\n`)
  directory = await mkdtemp(join(tmpdir(), 'tidemill-redis-tls-'))
  certificates = certificatesIn(directory)
  certificates.authority('ca', '/CN=An authority')
  certificates.authority('ca-other', '/CN=Another authority')
  certificates.issue('server', '/CN=redis', 'subjectAltName=IP:127.0.0.1')
  server = await redis.start({
    directory,
    secure: {
      cert: certificates.path('server.pem'),
      key: certificates.path('server.key'),
      ca: certificates.path('ca.pem'),
      ...user,
    },
  })
})
afterAll(async () => {
  await server?.stop('SIGKILL')
  if (directory !== undefined) await rm(directory, { recursive: true })
})

const options = (change: Partial<RedisStateOptions> = {}): RedisStateOptions => ({
  nodes: [{ host: '127.0.0.1', port: server.ports[0]! }],
  tls: { ca: certificates.pem('ca.pem') },
  ...user,
  ...change,
})

/**
 * Whether an error is to be retried as an unreachable dependency, contains these words, and contains no secret.
 */
const turnedAway = (words: RegExp, secret: string) => (error: unknown) => {
  assert.ok(isEngineError(error, 'STORE_DOWN'), String(error))
  assert.equal(endOf(error).exit, 4)
  assert.match(error.message, words)
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause)
    assert.ok(!JSON.stringify(inner, Object.getOwnPropertyNames(inner)).includes(secret), inner.message)
  return true
}

test('state is claimed, committed and read over TLS with a user and a password', async () => {
  const store = await open(options())
  const { epoch, claim } = await store.claim(at, 'tls', 0)
  await store.commit({
    at,
    epoch,
    claim,
    previous: -1,
    last: 4,
    puts: [{ key: 'ann', blob: Buffer.from('a'), expiresAtMs: Number.MAX_SAFE_INTEGER }],
  })
  assert.equal((await store.load(at, ['ann']))[0]?.toString(), 'a')
  const [view] = await store.inspect()
  assert.deepEqual([view!.policy, view!.appendOnly], ['noeviction', true])
})

test('the error names the certificate when its authority is not trusted', async () => {
  for (const tls of [{ ca: certificates.pem('ca-other.pem') }, {}])
    await assert.rejects(
      openRedisStateStore(options({ tls })),
      turnedAway(/certificate.*Check redis\.caFile/, user.password),
    )
})

test('the error for a wrong password names the setting and shows no secret', async () => {
  await assert.rejects(
    openRedisStateStore(options({ password: 'gue55' })),
    turnedAway(/WRONGPASS.*Check username, password/, 'gue55'),
  )
})

test('a client without TLS gets an error that the server does not answer', async () => {
  const plain = { nodes: options().nodes, ...user }
  await assert.rejects(
    openRedisStateStore({ ...plain, timeoutMs: 500 }),
    turnedAway(/cannot be reached/, user.password),
  )
})
