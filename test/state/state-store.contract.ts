import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { isEngineError, type ErrorCode } from '../../src/base/errors.js'
import type { Claim, StateChange, StatePartition, StateStore } from '../../src/state/state-store.js'

export interface OpenStore {
  readonly store: StateStore
  close(): Promise<void>
}

const at: StatePartition = { stream: 'attendance', partition: 3 }
const neighbour: StatePartition = { stream: 'attendance', partition: 30 }
const never = 4_102_444_800_000

const puts = (blobs: Readonly<Record<string, string>>): StateChange['puts'] =>
  Object.entries(blobs).map(([key, text]) => ({ key, blob: Buffer.from(text), expiresAtMs: never }))

/** What a claim says of the state, without its name. */
export const extent = ({ epoch, last }: Claim): Omit<Claim, 'claim'> => ({ epoch, last })

const refusedWith = (code: ErrorCode) => (error: unknown) => isEngineError(error, code)

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

    const read = async (place: StatePartition, ...keys: string[]) =>
      (await store.load(place, keys)).map((blob) => blob?.toString())

    test('starts empty, before the first event, in epoch 1', async () => {
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 1, last: -1 })
      assert.deepEqual(await read(at, 'ann', 'bob'), [undefined, undefined])
    })

    test('gives back what was committed, in the order asked for, and nothing else', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a', bob: 'b', cid: '' }) })
      assert.deepEqual(await read(at, 'cid', 'nobody', 'ann', 'bob', 'ann'), ['', undefined, 'a', 'b', 'a'])
    })

    test(
      'an owner that loads learns when the store is not where it left it: claimed by another, emptied, or put ' +
        'back',
      async () => {
        await assert.rejects(
          store.load(at, ['ann'], { epoch: 1, claim: 'one', last: -1 }),
          refusedWith('FENCED'),
          'a store that knows nothing of it was emptied',
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

    test('is read by others where it is whole: claimed, and folded up to what has its results', async () => {
      const part = refusedWith('REBUILDING')
      await assert.rejects(read(at, 'ann'), part, 'nobody has claimed it, or it was emptied')
      const { epoch, claim } = await store.claim(at, 'plan-a', 6, 41)
      await assert.rejects(
        read(at, 'ann'),
        (error: unknown) => part(error) && /attendance.*offset 0 of 42/.test(String(error)),
      )
      assert.deepEqual(
        await store.load(at, ['ann'], { epoch, claim, last: -1 }),
        [undefined],
        'its owner reads it all the same',
      )
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a' }) })
      await assert.rejects(read(at, 'ann'), part)
      const next = await store.claim(at, 'plan-a', 6, 60)
      await assert.rejects(read(at, 'ann'), part, 'the next owner goes on with the part')
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
      assert.deepEqual(await read(at, 'ann'), ['whole'], 'what was whole stays so: it is behind by what came since')
      await store.claim(at, 'plan-b', 6, 99)
      await assert.rejects(read(at, 'ann'), part)
    })

    test('is swept by its owner alone, and only where it stands where the owner was at that time', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      const expired: StateChange['puts'] = [{ key: 'ann', blob: Buffer.from('a'), expiresAtMs: 1_000 }]
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: expired })
      assert.equal(
        await store.sweep(at, { epoch, claim, last: 20 }, 5_000),
        0,
        'put back to an older copy: the events in between may read it',
      )
      assert.equal(await store.sweep(at, { epoch, claim: 'another', last: 9 }, 5_000), 0)
      assert.equal(await store.sweep(at, { epoch: epoch + 1, claim, last: 9 }, 5_000), 0)
      assert.equal(await store.sweep(neighbour, { epoch, claim, last: 9 }, 5_000), 0, 'nobody claimed it')
      assert.deepEqual(await read(at, 'ann'), ['a'])
      assert.equal(await store.sweep(at, { epoch, claim, last: 9 }, 5_000), 1)
      assert.deepEqual(await read(at, 'ann'), [undefined])
    })

    test('keeps bytes as they are', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      const blob = Buffer.from(Array.from({ length: 9_000 }, (_, index) => index % 256))
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts: [{ key: 'ann', blob, expiresAtMs: never }] })
      const [loaded] = await store.load(at, ['ann'])
      assert.ok(Buffer.isBuffer(loaded))
      assert.deepEqual(loaded, blob)
    })

    test('a loaded blob stays as it was, whatever is committed later', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 0, puts: puts({ ann: 'first' }) })
      const [loaded] = await store.load(at, ['ann'])
      await store.commit({ at, epoch, claim, previous: 0, last: 1, puts: puts({ ann: 'later' }) })
      await store.load(at, ['ann', 'bob'])
      assert.equal(loaded?.toString(), 'first')
    })

    test('a claim goes on where the last commit ended', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 41, puts: puts({ ann: 'a' }) })
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 2, last: 41 })
      assert.deepEqual(await read(at, 'ann'), ['a'])
    })

    test('an owner whose partition was claimed writes nothing more', async () => {
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

    test('state of another plan is dropped, and comes back for nobody', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      await store.commit({ at, epoch, claim, previous: -1, last: 9, puts: puts({ ann: 'a' }) })
      assert.deepEqual(extent(await store.claim(at, 'plan-b', 0)), { epoch: 2, last: -1 })
      assert.deepEqual(await read(at, 'ann'), [undefined])
      assert.deepEqual(extent(await store.claim(at, 'plan-a', 0)), { epoch: 3, last: -1 })
      assert.deepEqual(await read(at, 'ann'), [undefined])
    })

    test('an epoch seen in the predictions topic is never given again, even by an empty store', async () => {
      assert.equal((await store.claim(at, 'plan-a', 17)).epoch, 18)
      assert.equal((await store.claim(at, 'plan-a', 3)).epoch, 19)
    })

    test('of many claims at once each has its own epoch, and the highest owns', async () => {
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

    test('of two commits at once from the same offset one is refused', async () => {
      const { epoch, claim } = await store.claim(at, 'plan-a', 0)
      const commits = await Promise.allSettled(
        ['x', 'y'].map((text) =>
          store.commit({ at, epoch, claim, previous: -1, last: 5, puts: puts({ [text]: text }) }),
        ),
      )
      assert.deepEqual(commits.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      assert.equal((await read(at, 'x', 'y')).filter((text) => text !== undefined).length, 1)
    })

    test('partitions and streams know nothing of one another', async () => {
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

    test('takes any key an event can have', async () => {
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
}
