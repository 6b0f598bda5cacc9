import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'vitest'
import type { StateChange, StatePartition, StateStore } from '../../src/state/state-store.js'
import { ownersContract } from './owners.contract.js'
import { at, extent, neighbour, never, puts, readTexts, refusedWith, type OpenStore } from './stores.js'

/** What every state store promises. `open` gives an empty one. */
export function stateStoreContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`a state store on ${name}`, () => {
    let opened: OpenStore
    let store: StateStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.close())

    const read = (place: StatePartition, ...keys: string[]) => readTexts(store, place, keys)

    test('starts empty, before the first event, in epoch 1', async () => {
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 1, last: -1 })
      assert.deepEqual(await read(at, 'ann', 'bob'), [undefined, undefined])
    })

    test('returns the committed blobs in the order of the keys, and nothing else', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a', bob: 'b', cid: '' }) })
      assert.deepEqual(await read(at, 'cid', 'nobody', 'ann', 'bob', 'ann'), ['', undefined, 'a', 'b', 'a'])
    })

    test('keeps bytes as they are', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      const blob = Buffer.from(Array.from({ length: 9_000 }, (_, index) => index % 256))
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts: [{ key: 'ann', blob, expiresAtMs: never }] })
      const [loaded] = await store.load(at, ['ann'])
      assert.ok(Buffer.isBuffer(loaded))
      assert.deepEqual(loaded, blob)
    })

    test('a loaded blob does not change when a later commit replaces it', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts: puts({ ann: 'first' }) })
      const [loaded] = await store.load(at, ['ann'])
      await store.commit({ at, epoch, claim, previous: 0, last: 1, puts: puts({ ann: 'later' }) })
      await store.load(at, ['ann', 'bob'])
      assert.equal(loaded?.toString(), 'first')
    })

    test('a commit that does not follow the stored offset is refused whole', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a' }) })
      const twice: StateChange = {
        at,
        epoch,
        claim,
        previous: -1,
        last: 9,
        puts: puts({ ann: 'again', bob: 'b' }),
        deletes: ['ann'],
      }
      await assert.rejects(store.commit(twice), refusedWith('CONFLICT'))
      assert.deepEqual(await read(at, 'ann', 'bob'), ['a', undefined])
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 2, last: 9 })
    })

    test('deletes go with the puts of the same commit', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts: puts({ ann: 'a', bob: 'b' }) })
      await store.commit({
        at,
        epoch,
        claim,
        previous: 0,
        last: 1,
        puts: puts({ cid: 'c' }),
        deletes: ['ann', 'nobody'],
      })
      assert.deepEqual(await read(at, 'ann', 'bob', 'cid'), [undefined, 'b', 'c'])
    })

    test('state of another plan is dropped and never comes back', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a' }) })
      assert.deepEqual(extent(await store.claim(at, 'plan-b', 0)), { epoch: 2, last: -1 })
      assert.deepEqual(await read(at, 'ann'), [undefined])
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 3, last: -1 })
      assert.deepEqual(await read(at, 'ann'), [undefined])
    })

    test('when two commits start from the same offset, one is refused', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      const commits = await Promise.allSettled(
        ['x', 'y'].map((text) =>
          store.commit({ at, epoch, claim, previous: -1, last: 5, puts: puts({ [text]: text }) }),
        ),
      )
      assert.deepEqual(commits.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      assert.equal((await read(at, 'x', 'y')).filter((text) => text !== undefined).length, 1)
    })

    test('partitions and streams are independent', async () => {
      const places: StatePartition[] = [
        at,
        neighbour,
        { stream: 'attendance-2', partition: 3 },
        { stream: 'attendanc', partition: 3 },
      ]
      for (const [index, place] of places.entries()) {
        const { epoch, claim, last } = await store.claim(place, 'plan-a', 0)
        assert.deepEqual([epoch, last], [1, -1])
        await store.commit({ at: place, epoch, claim, previous: -1, last: index, puts: puts({ ann: String(index) }) })
      }
      await store.claim(at, 'plan-b', 0)
      assert.deepEqual(await Promise.all(places.map((place) => read(place, 'ann'))), [[undefined], ['1'], ['2'], ['3']])
    })

    test('accepts every key that an event can have', async () => {
      const keys = ['', 'ümlaut', 'a\u0001b', 'x'.repeat(5_000), `${'x'.repeat(5_000)}y`, '\u0000', '9'.repeat(1_024)]
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({
        at,
        epoch,
        claim,
        previous: -1,
        last: 0,
        puts: keys.map((key, index) => ({ key, blob: Buffer.from(String(index)), expiresAtMs: never })),
      })
      assert.deepEqual(
        await read(at, ...keys),
        keys.map((_, index) => String(index)),
      )
    })
  })
  ownersContract(name, open)
}
