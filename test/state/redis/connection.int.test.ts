import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { checkServer } from '../../../src/state/redis/info.js'
import { openRedisStateStore } from '../../../src/state/redis/state-store.js'
import type { StatePartition } from '../../../src/state/state-store.js'
import { proxyTo } from './redis-proxy.js'
import { ask, isStoreDown, open, withRetry, redisServer } from './redis-servers.js'
import { extent } from '../stores.js'

const at: StatePartition = { stream: 'attendance', partition: 0 }
const never = Number.MAX_SAFE_INTEGER
const ann = (text: string) => [{ key: 'ann', blob: Buffer.from(text), expiresAtMs: never }]

const badConfig = (says: RegExp) => (error: unknown) => {
  assert.ok(isEngineError(error, 'BAD_CONFIG'), String(error))
  assert.match(error.message, says)
  return true
}

describe('a connection to Redis', () => {
  const server = redisServer('server')

  test('a commit whose answer was lost can be repeated, and is stored once', async () => {
    const proxy = await proxyTo(server.nodes[0]!)
    const store = await open({ nodes: [proxy.address], cluster: false })
    const { epoch, claim } = await store.claim(at, 'lost answers', 0)
    await store.commit({ at, epoch, claim, previous: -1, last: 4, puts: ann('a') })
    const change = { at, epoch, claim, previous: 4, last: 9, puts: ann('b') }
    proxy.loseNextAnswer()
    await assert.rejects(store.commit(change), isStoreDown)
    const direct = await open({ nodes: server.nodes })
    assert.equal((await direct.stat(at))?.last, 9, 'the script ran')
    await withRetry(() => store.commit({ ...change }))
    await withRetry(() => store.commit({ at, epoch, claim, previous: 9, last: 12, puts: ann('c') }))
    assert.deepEqual((await store.load(at, ['ann']))[0]?.toString(), 'c')
    await assert.rejects(store.commit(change), (error) => isEngineError(error, 'CONFLICT'))
  })

  test('a commit whose answer was lost is refused when another owner has claimed meanwhile', async () => {
    const proxy = await proxyTo(server.nodes[0]!)
    const store = await open({ nodes: [proxy.address] })
    const { epoch, claim } = await store.claim(at, 'lost to another', 0)
    const change = { at, epoch, claim, previous: -1, last: 9, puts: ann('b') }
    proxy.loseNextAnswer()
    await assert.rejects(store.commit(change), isStoreDown)
    assert.deepEqual(extent(await (await open({ nodes: server.nodes })).claim(at, 'lost to another', 0)), {
      epoch: epoch + 1,
      last: 9,
    })
    await assert.rejects(
      withRetry(() => store.commit(change)),
      (error) => isEngineError(error, 'FENCED'),
    )
  })

  test('a cut connection is opened again, and a command is sent only once', async () => {
    const proxy = await proxyTo(server.nodes[0]!)
    const store = await open({ nodes: [proxy.address], cluster: false })
    const { epoch } = await store.claim(at, 'once', 0)
    proxy.loseNextAnswer()
    await assert.rejects(store.claim(at, 'once', 0), isStoreDown)
    assert.deepEqual(extent(await withRetry(() => store.claim(at, 'once', 0))), { epoch: epoch + 2, last: -1 })
    assert.equal(proxy.connections, 2)
  })

  test('a server that takes commands but does not answer counts as unreachable', async () => {
    const proxy = await proxyTo(server.nodes[0]!)
    const store = await open({ nodes: [proxy.address], timeoutMs: 200 })
    proxy.holdAnswers()
    await assert.rejects(store.load(at, ['ann']), isStoreDown)
    await assert.rejects(openRedisStateStore({ nodes: [proxy.address], timeoutMs: 200 }), isStoreDown)
  })

  test('a server that evicts is refused, and the error names the setting to change', async () => {
    await ask(server.nodes, (admin) => admin.config('SET', 'maxmemory-policy', 'allkeys-lru'))
    await assert.rejects(openRedisStateStore({ nodes: server.nodes }), badConfig(/'allkeys-lru'.*noeviction/))
    await ask(server.nodes, (admin) => admin.config('SET', 'maxmemory-policy', 'noeviction'))
    await open({ nodes: server.nodes })
  })

  test('a server that evicts is refused even when the user may not read its configuration', async () => {
    await ask(server.nodes, (admin) =>
      admin.call('ACL', 'SETUSER', 'engine', 'on', '>s3cret', '~tidemill:*', '+@all', '-config', '-@admin'),
    )
    const user = { nodes: server.nodes, username: 'engine', password: 's3cret' }
    assert.equal((await (await open(user)).claim(at, 'acl', 0)).last, -1)
    await ask(server.nodes, (admin) => admin.config('SET', 'maxmemory-policy', 'volatile-ttl'))
    await assert.rejects(openRedisStateStore(user), badConfig(/'volatile-ttl'/))
    await ask(server.nodes, (admin) => admin.config('SET', 'maxmemory-policy', 'noeviction'))
  })

  test('the errors for a wrong password and a forbidden key name the cause, without the password', async () => {
    await ask(server.nodes, (admin) => admin.call('ACL', 'SETUSER', 'engine', 'on', '>s3cret', '~tidemill:*', '+@all'))
    await assert.rejects(
      openRedisStateStore({ nodes: server.nodes, username: 'engine', password: 'gue55' }),
      (error: Error) => {
        assert.match(error.message, /WRONGPASS.*Check username/)
        assert.doesNotMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /gue55/)
        return true
      },
    )
    const store = await open({ nodes: server.nodes, username: 'engine', password: 's3cret', keyPrefix: 'other:' })
    await assert.rejects(store.claim(at, 'acl', 0), /NOPERM|can't access/)
  })

  test('a full server keeps its blobs, and the commit succeeds when there is memory again', async () => {
    const store = await open({ nodes: server.nodes })
    const { epoch, claim } = await store.claim(at, 'full', 0)
    await ask(server.nodes, (admin) => admin.config('SET', 'maxmemory', '1mb'))
    const change = { at, epoch, claim, previous: -1, last: 3, puts: ann('x') }
    await assert.rejects(store.commit(change), (error) => isEngineError(error, 'DISK_FULL'))
    assert.deepEqual([(await store.stat(at))?.last, await store.load(at, ['ann'])], [-1, [undefined]])
    await ask(server.nodes, (admin) => admin.config('SET', 'maxmemory', '0'))
    await store.commit(change)
  })

  test('a key prefix with a braced part and a list without nodes are refused', async () => {
    await assert.rejects(openRedisStateStore({ nodes: server.nodes, keyPrefix: '{x}' }), badConfig(/brace/))
    await assert.rejects(openRedisStateStore({ nodes: [] }), badConfig(/no Redis node/))
  })

  test('several servers that form no cluster are refused', async () => {
    await assert.rejects(openRedisStateStore({ nodes: [server.nodes[0]!, server.nodes[0]!] }), badConfig(/no cluster/))
  })
})

test('a server older than 6.2 is refused, and so is a server that does not report its eviction policy', () => {
  const info = (version: string, policy = 'maxmemory_policy:noeviction') =>
    `# Server\r\nredis_version:${version}\r\n# Memory\r\n${policy}\r\n`
  for (const version of ['6.2.0', '7.0.15', '10.0.1']) checkServer(info(version))
  for (const version of ['6.0.16', '5.9.0', 'x']) assert.throws(() => checkServer(info(version)), badConfig(/6\.2/))
  assert.throws(() => checkServer(info('7.0.15', '')), badConfig(/'unknown'/))
})
