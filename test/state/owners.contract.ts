import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'vitest'
import type { StateChange, StatePartition, StateStore } from '../../src/state/state-store.js'
import { at, extent, neighbour, puts, readTexts, refusedWith, type OpenStore } from './stores.js'

/** What every state store promises about owners: who may commit, read and sweep. `open` gives an empty store. */
export function ownersContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`the owners of a state store on ${name}`, () => {
    let opened: OpenStore
    let store: StateStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.close())

    const read = (place: StatePartition, ...keys: string[]) => readTexts(store, place, keys)

    test(
      'the load of an owner fails when another process claimed the partition, and when the store was emptied or ' +
        'restored from an older copy',
      async () => {
        await assert.rejects(
          store.load(at, ['ann'], { epoch: 1, claim: 'one', last: -1 }),
          refusedWith('FENCED'),
          'an emptied store does not know the claim',
        )
        const { epoch, claim } = await store.claim(at, 'plan-a', 0)
        await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a' }) })
        for (const last of [-1, 9])
          assert.equal((await store.load(at, ['ann'], { epoch, claim, last }))[0]?.toString(), 'a')
        await assert.rejects(
          store.load(at, ['ann'], { epoch, claim, last: 12 }),
          refusedWith('CONFLICT'),
          'an older copy lacks what was committed',
        )
        await store.claim(at, 'plan-a', 0)
        await assert.rejects(store.load(at, ['ann'], { epoch, claim, last: 9 }), refusedWith('FENCED'))
      },
    )

    test('others read only complete state: claimed, and folded up to the last offset that has its result', async () => {
      const part = refusedWith('REBUILDING')
      await assert.rejects(read(at, 'ann'), part, 'nobody has claimed the partition, or the store was emptied')
      const { epoch, claim } = await store.claim(at, 'plan-a', 6, 41)
      await assert.rejects(
        read(at, 'ann'),
        (error: unknown) => part(error) && /attendance.*offset 0 of 42/.test(String(error)),
      )
      assert.deepEqual(await store.load(at, ['ann'], { epoch, claim, last: -1 }), [undefined], 'its owner may read it')
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a' }) })
      await assert.rejects(read(at, 'ann'), part)
      const next = await store.claim(at, 'plan-a', 6, 60)
      await assert.rejects(read(at, 'ann'), part, 'the next owner continues from incomplete state')
      await store.commit({
        at,
        epoch: next.epoch,
        claim: next.claim,
        previous: 9,
        last: 41,
        puts: puts({ ann: 'whole' }),
      })
      assert.deepEqual(await read(at, 'ann'), ['whole'])
      await store.claim(at, 'plan-a', 6, 99)
      assert.deepEqual(await read(at, 'ann'), ['whole'], 'complete state stays complete when newer results exist')
      await store.claim(at, 'plan-b', 6, 99)
      await assert.rejects(read(at, 'ann'), part)
    })

    test('only the owner may sweep, and only while the store is where the owner left it', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      const expired: StateChange['puts'] = [{ key: 'ann', blob: Buffer.from('a'), expiresAtMs: 1_000 }]
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: expired })
      assert.equal(
        await store.sweep(at, { epoch, claim, last: 20 }, 5_000),
        0,
        'an older copy was restored: the events since then may read the blob',
      )
      assert.equal(await store.sweep(at, { epoch, claim: 'another', last: 9 }, 5_000), 0)
      assert.equal(await store.sweep(at, { epoch: epoch + 1, claim, last: 9 }, 5_000), 0)
      assert.equal(await store.sweep(neighbour, { epoch, claim, last: 9 }, 5_000), 0, 'nobody claimed it')
      assert.deepEqual(await read(at, 'ann'), ['a'])
      assert.equal(await store.sweep(at, { epoch, claim, last: 9 }, 5_000), 1)
      assert.deepEqual(await read(at, 'ann'), [undefined])
    })

    test('a claim continues where the last commit ended', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 41, puts: puts({ ann: 'a' }) })
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 2, last: 41 })
      assert.deepEqual(await read(at, 'ann'), ['a'])
    })

    test('an owner whose partition was claimed by another can write no more', async () => {
      const old = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch: old.epoch, claim: old.claim, previous: -1, last: 4, puts: puts({ ann: 'a' }) })
      const young = await store.claim(at, 'plan-a', 0)
      await assert.rejects(
        store.commit({ at, epoch: old.epoch, claim: old.claim, previous: 4, last: 8, puts: puts({ ann: 'stale' }) }),
        refusedWith('FENCED'),
      )
      assert.deepEqual(await read(at, 'ann'), ['a'])
      await store.commit({ at, epoch: young.epoch, claim: young.claim, previous: 4, last: 8, puts: puts({ ann: 'b' }) })
      assert.deepEqual(await read(at, 'ann'), ['b'])
    })

    test('nobody commits before a claim', async () => {
      await assert.rejects(
        store.commit({ at, epoch: 1, claim: 'one', previous: -1, last: 0, puts: [] }),
        refusedWith('FENCED'),
      )
    })

    test('an epoch that the predictions topic contains is never given again, even by an empty store', async () => {
      assert.equal((await store.claim(at, 'plan-a', 17)).epoch, 18)
      assert.equal((await store.claim(at, 'plan-a', 3)).epoch, 19)
    })

    test('of many claims at once each gets its own epoch, and the highest is the owner', async () => {
      const claims = await Promise.all(Array.from({ length: 8 }, () => store.claim(at, 'plan-a', 0)))
      const epochs = claims.map(({ epoch }) => epoch).sort((a, b) => a - b)
      assert.deepEqual(epochs, [1, 2, 3, 4, 5, 6, 7, 8])
      const commits = await Promise.allSettled(
        claims.map(({ epoch, claim }) =>
          store.commit({ at, epoch, claim, previous: -1, last: epoch, puts: puts({ ann: String(epoch) }) }),
        ),
      )
      assert.equal(commits.filter(({ status }) => status === 'fulfilled').length, 1)
      assert.deepEqual(await read(at, 'ann'), ['8'])
    })
  })
}
