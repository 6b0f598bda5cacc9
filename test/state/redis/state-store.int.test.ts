import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { openRedisStateStore, type RedisStateStore } from '../../../src/state/redis/state-store.js'
import type { Claim, StateChange, StatePartition } from '../../../src/state/state-store.js'
import { ask, isStoreDown, open, withRetry, redisServer } from './redis-servers.js'
import { stateStoreContract } from '../state-store.contract.js'
import { extent } from '../stores.js'

const at: StatePartition = { stream: 'attendance', partition: 0 }
const never = Number.MAX_SAFE_INTEGER
const putsOf = (count: number, bytes = 300): StateChange['puts'] =>
  Array.from({ length: count }, (_, i) => ({ key: `p${i}`, blob: Buffer.alloc(bytes, i), expiresAtMs: never }))

for (const kind of ['server', 'cluster'] as const)
  describe(kind, () => {
    const server = redisServer(kind)
    const empty = () => ask(server.nodes, (admin) => admin.flushall())

    stateStoreContract(`a Redis ${kind}`, async () => {
      await empty()
      const store = await openRedisStateStore({ nodes: server.nodes })
      return { store, close: () => store.close() }
    })

    test('a load is one MGET and a commit one EVALSHA, for every slot of the partition', async () => {
      await empty()
      const store = await open({ nodes: server.nodes })
      for (let partition = 0; partition < 8; partition++) {
        const place = { stream: 'attendance', partition }
        const { epoch, claim } = await store.claim(place, 'plan', 0)
        await store.commit({ at: place, epoch, claim, previous: -1, last: 0, puts: putsOf(10), deletes: ['x'] })
        await ask(server.nodes, (admin) => admin.config('RESETSTAT'))
        await store.commit({ at: place, epoch, claim, previous: 0, last: 1, puts: putsOf(200), deletes: ['y', 'p7'] })
        assert.equal(
          (
            await store.load(
              place,
              putsOf(300).map(({ key }) => key),
            )
          ).filter((blob) => blob !== undefined).length,
          199,
        )
        const stats = (await ask(server.nodes, (admin) => admin.info('commandstats'))).join('\n')
        const calls = (name: string): number =>
          [...stats.matchAll(new RegExp(`cmdstat_${name}:calls=(\\d+)`, 'g'))].reduce(
            (sum, [, count]) => sum + Number(count),
            0,
          )
        assert.deepEqual(['evalsha', 'eval', 'mget', 'get', 'zadd'].map(calls), [1, 0, 1, 1, 1])
      }
    })

    test('a commit of 20,000 blobs is stored whole, and so is a commit that deletes as many', async () => {
      const store = await open({ nodes: server.nodes })
      const { epoch, claim } = await store.claim(at, 'many', 0)
      const puts = putsOf(20_000, 20)
      const keys = puts.map(({ key }) => key)
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts })
      assert.deepEqual(
        await store.load(at, keys),
        puts.map(({ blob }) => blob),
      )
      await store.commit({ at, epoch, claim, previous: 0, last: 1, puts: [], deletes: keys })
      assert.deepEqual(
        await store.load(at, keys),
        keys.map(() => undefined),
      )
      assert.equal((await store.stat(at))?.blobs, 0)
    })

    test(
      'an emptied store gives an epoch twice, but only one owner may use it: the other one can neither read nor ' +
        'write any more',
      async () => {
        await empty()
        const [old, young] = [await open({ nodes: server.nodes }), await open({ nodes: server.nodes })]
        const ann = (text: string): StateChange['puts'] => [{ key: 'ann', blob: Buffer.from(text), expiresAtMs: never }]
        const first = await old.claim(at, 'plan', 0)
        await old.commit({ at, ...first, previous: -1, last: 5, puts: ann('folded up to 5') })
        // The store is emptied again, and another owner fills it in the same epoch. Its offset is beyond that of the
        // first owner, as in an older copy.
        await empty()
        const second = await young.claim(at, 'plan', 0)
        await young.commit({ at, ...second, previous: -1, last: 7, puts: ann('folded up to 7') })
        assert.equal(first.epoch, second.epoch)
        await assert.rejects(
          old.load(at, ['ann'], { ...first, last: 5 }),
          (error) => isEngineError(error, 'FENCED') && /another claim of epoch 1/.test(error.message),
        )
        await assert.rejects(old.commit({ at, ...first, previous: 7, last: 9, puts: ann('twice') }), (error) =>
          isEngineError(error, 'FENCED'),
        )
        assert.deepEqual(await young.load(at, ['ann'], { ...second, last: 7 }), [Buffer.from('folded up to 7')])
      },
    )

    test('when two owners commit at once, the newer one succeeds', async () => {
      await empty()
      const [old, young] = [await open({ nodes: server.nodes }), await open({ nodes: server.nodes })]
      const first = await old.claim(at, 'plan', 0)
      const second = await young.claim(at, 'plan', 0)
      const commit = (store: RedisStateStore, { epoch, claim }: Claim) =>
        store.commit({
          at,
          epoch,
          claim,
          previous: -1,
          last: epoch,
          puts: [{ key: 'ann', blob: Buffer.of(epoch), expiresAtMs: never }],
        })
      const [refused, done] = await Promise.allSettled([commit(old, first), commit(young, second)])
      assert.ok(refused.status === 'rejected' && isEngineError(refused.reason, 'FENCED'))
      assert.equal(done.status, 'fulfilled')
      assert.deepEqual(await old.load(at, ['ann']), [Buffer.of(second.epoch)])
    })

    test('scripts that the server does not know any more are sent again', async () => {
      const store = await open({ nodes: server.nodes })
      const { epoch, claim } = await store.claim(at, 'forgotten', 0)
      await ask(server.nodes, (admin) => admin.script('FLUSH'))
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts: putsOf(3) })
      assert.deepEqual(extent(await store.claim(at, 'forgotten', 0)), { epoch: epoch + 1, last: 0 })
    })

    test('while the server is unreachable every call fails at once; afterwards the state is there again', async () => {
      // With `everysec` a server delays a write while its disk is busy, and a kill then loses an answered commit.
      await ask(server.nodes, (admin) => admin.config('SET', 'appendfsync', 'always'))
      const store = await open({ nodes: server.nodes })
      const { epoch, claim } = await store.claim(at, 'restarted', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 7, puts: putsOf(3) })
      await server.restart('SIGKILL', async () => {
        await assert.rejects(store.load(at, ['p1']), isStoreDown)
        await assert.rejects(store.commit({ at, epoch, claim, previous: 7, last: 8, puts: [] }), isStoreDown)
        await assert.rejects(
          openRedisStateStore({ nodes: server.nodes }),
          (error: Error) => isStoreDown(error) && /ECONNREFUSED/.test(error.message),
        )
      })
      await withRetry(() => store.commit({ at, epoch, claim, previous: 7, last: 8, puts: putsOf(1, 5) }))
      assert.deepEqual(
        (await store.load(at, ['p0', 'p2'])).map((blob) => blob?.length),
        [5, 300],
      )
    })

    test('sweeps drop expired blobs in steps and keep renewed ones', async () => {
      await empty()
      const store = await open({ nodes: server.nodes })
      const { epoch, claim } = await store.claim(at, 'plan', 0)
      const puts = putsOf(95).map((put, i) => ({ ...put, expiresAtMs: 1_000 + i }))
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts })
      await store.commit({ at, epoch, claim, previous: 0, last: 1, puts: [{ ...puts[3]!, expiresAtMs: 5_000 }] })
      const sweep = () => store.sweep(at, { epoch, claim, last: 1 }, 1_010, 6)
      assert.deepEqual([await sweep(), await sweep(), await sweep()], [5, 4, 0])
      assert.deepEqual(
        (await store.load(at, ['p2', 'p3', 'p9', 'p10'])).map((blob) => blob !== undefined),
        [false, true, false, true],
      )
      assert.equal((await store.stat(at))?.blobs, 86)
    })

    test('sweeps and a drop remove all blobs of earlier identities and none of the current one', async () => {
      await empty()
      const store = await open({ nodes: server.nodes })
      const sizes = async (): Promise<number> =>
        (await ask(server.nodes, (admin) => admin.dbsize())).reduce((sum, size) => sum + size, 0)
      let claimed: Claim | undefined
      for (const [i, plan] of ['a', 'b', 'c'].entries()) {
        claimed = await store.claim(at, plan, 0)
        await store.commit({ at, ...claimed, previous: -1, last: 0, puts: putsOf(40 - i * 10) })
      }
      assert.deepEqual(
        { ...(await store.stat(at)) },
        { ...at, epoch: 3, last: 0, identity: 'c', blobs: 20, dropped: 40 },
      )
      assert.equal(await store.sweep(at, claimed!, 0), 20)
      assert.deepEqual([(await store.stat(at))?.dropped, await sizes()], [0, 22])
      assert.equal(await store.drop(at), 20)
      assert.equal(await sizes(), 1)
      assert.deepEqual(extent(await store.claim(at, 'c', 0)), { epoch: 5, last: -1 })
    })
  })
