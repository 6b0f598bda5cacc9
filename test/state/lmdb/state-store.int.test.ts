import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { openLmdbStateStore, type LmdbStateStore } from '../../../src/state/lmdb/state-store.js'
import type { StatePartition } from '../../../src/state/state-store.js'
import { stateStoreContract } from '../state-store.contract.js'

const at: StatePartition = { stream: 'attendance', partition: 0 }
const never = 4_102_444_800_000
const boot = 'boot-1'

const temporary = () => mkdtemp(join(tmpdir(), 'tidemill-state-'))

stateStoreContract('LMDB', async () => {
  const directory = await temporary()
  const store = await openLmdbStateStore({ directory })
  return {
    store,
    close: async () => {
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
})

async function fill(store: LmdbStateStore, blobs: number): Promise<void> {
  const { epoch, claim } = await store.claim(at, 'plan', 0)
  await store.commit({
    at,
    epoch,
    claim,
    previous: -1,
    last: 99,
    puts: Array.from({ length: blobs }, (_, index) => ({
      key: `p${index}`,
      blob: Buffer.alloc(500, index),
      expiresAtMs: never,
    })),
  })
}

describe('an LMDB state directory', () => {
  let directory: string
  beforeEach(async () => void (directory = await temporary()))
  afterEach(() => rm(directory, { recursive: true }))

  /** A copy of the files as a killed process leaves them: with all that it wrote, but without a clean close. */
  async function killed(blobs: number): Promise<string> {
    const running = await openLmdbStateStore({ directory, bootId: boot })
    await fill(running, blobs)
    const copy = join(directory, 'copy')
    for (const file of ['state.mdb', 'state.marker.json']) await cp(join(directory, file), join(copy, file))
    await running.close()
    return copy
  }

  const lastOf = async (store: LmdbStateStore): Promise<number> => (await store.claim(at, 'plan', 0)).last

  test('keeps its state after a clean close, even on another boot', async () => {
    const first = await openLmdbStateStore({ directory, bootId: boot })
    await fill(first, 10)
    await first.close()
    const second = await openLmdbStateStore({ directory, bootId: 'boot-2' })
    assert.deepEqual(second.repairs, [])
    assert.equal(await lastOf(second), 99)
    await second.close()
  })

  test('keeps its state when the process is killed', async () => {
    const copy = await killed(1_000)
    const store = await openLmdbStateStore({ directory: copy, bootId: boot })
    assert.deepEqual(store.repairs, [])
    assert.equal(await lastOf(store), 99)
    assert.deepEqual((await store.load(at, ['p7']))[0], Buffer.alloc(500, 7))
    await store.close()
  })

  test('starts empty, and reports it, when the machine crashed before a flush', async () => {
    const copy = await killed(10)
    const store = await openLmdbStateStore({ directory: copy, bootId: 'boot-2' })
    assert.match(store.repairs.join(), /machine went down.*rebuilt from the log/)
    assert.equal(await lastOf(store), -1)
    await store.close()
  })

  test('starts empty when the file is truncated, and the process survives', async () => {
    const copy = await killed(5_000)
    const file = join(copy, 'state.mdb')
    await truncate(file, Math.floor((await stat(file)).size / 2 / 4_096) * 4_096)
    const store = await openLmdbStateStore({ directory: copy, bootId: boot })
    assert.match(store.repairs.join(), /damaged/)
    assert.equal(await lastOf(store), -1)
    await fill(store, 10)
    await store.close()
  })

  test('starts empty when the file is no state file', async () => {
    const copy = await killed(10)
    await writeFile(join(copy, 'state.mdb'), 'x'.repeat(100_000))
    const store = await openLmdbStateStore({ directory: copy, bootId: boot })
    assert.equal(store.repairs.length, 1)
    await store.close()
  })

  test('does not use a file without its marker', async () => {
    const copy = await killed(10)
    await rm(join(copy, 'state.marker.json'))
    const store = await openLmdbStateStore({ directory: copy, bootId: boot })
    assert.match(store.repairs.join(), /marker/)
    await store.close()
  })

  test('is marked as in use while it is open, and as flushed afterwards', async () => {
    const marker = async (): Promise<unknown> =>
      JSON.parse(await readFile(join(directory, 'state.marker.json'), 'utf8'))
    const store = await openLmdbStateStore({ directory, bootId: boot })
    assert.deepEqual(await marker(), { bootId: boot, clean: false })
    await store.close()
    assert.deepEqual(await marker(), { bootId: boot, clean: true })
  })

  test('the check of a file passes a good one and fails a bad one', async () => {
    const copy = await killed(100)
    const check = (file: string) =>
      promisify(execFile)(process.execPath, [
        fileURLToPath(new URL('../../../src/state/lmdb/check.js', import.meta.url)),
        file,
      ])
    await check(join(copy, 'state.mdb'))
    await writeFile(join(copy, 'bad.mdb'), 'x'.repeat(100_000))
    await assert.rejects(check(join(copy, 'bad.mdb')))
  })
})

describe('sweeping an LMDB state', () => {
  let directory: string
  let store: LmdbStateStore
  beforeEach(async () => {
    directory = await temporary()
    store = await openLmdbStateStore({ directory })
  })
  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })

  const blobsOf = async (partition: number): Promise<number | undefined> =>
    (await store.stat()).partitions.find((one) => one.partition === partition)?.blobs

  test('drops expired blobs and keeps the others', async () => {
    const { epoch, claim } = await store.claim(at, 'plan', 0)
    await store.commit({
      at,
      epoch,
      claim,
      previous: -1,
      last: 0,
      puts: Array.from({ length: 100 }, (_, index) => ({
        key: `p${index}`,
        blob: Buffer.of(index),
        expiresAtMs: 1_000 + index,
      })),
    })
    assert.equal(await store.sweep(at, { epoch, claim, last: 0 }, 1_050), 50)
    assert.deepEqual(
      (await store.load(at, ['p49', 'p50'])).map((blob) => blob?.[0]),
      [undefined, 50],
    )
  })

  test('checks all blobs in bounded steps', async () => {
    const { epoch, claim } = await store.claim(at, 'plan', 0)
    await store.commit({
      at,
      epoch,
      claim,
      previous: -1,
      last: 0,
      puts: Array.from({ length: 95 }, (_, index) => ({ key: `p${index}`, blob: Buffer.of(1), expiresAtMs: 1 })),
    })
    const dropped: number[] = []
    for (let step = 0; step < 10; step++) dropped.push(await store.sweep(at, { epoch, claim, last: 0 }, 2, 10))
    assert.deepEqual(dropped, [10, 10, 10, 10, 10, 10, 10, 10, 10, 5])
    assert.equal(await blobsOf(0), 0)
  })

  test('never drops a blob that a concurrent commit renews', async () => {
    const { epoch, claim } = await store.claim(at, 'plan', 0)
    await store.commit({
      at,
      epoch,
      claim,
      previous: -1,
      last: 0,
      puts: [{ key: 'ann', blob: Buffer.of(1), expiresAtMs: 1 }],
    })
    await Promise.all([
      store.commit({
        at,
        epoch,
        claim,
        previous: 0,
        last: 1,
        puts: [{ key: 'ann', blob: Buffer.of(2), expiresAtMs: never }],
      }),
      store.sweep(at, { epoch, claim, last: 0 }, 1_000),
    ])
    assert.deepEqual((await store.load(at, ['ann']))[0], Buffer.of(2))
  })

  test('removes the state of an earlier plan, and nothing of other partitions', async () => {
    const other: StatePartition = { stream: 'attendance', partition: 1 }
    await fill(store, 30)
    const { epoch, claim } = await store.claim(other, 'plan', 0)
    await store.commit({
      at: other,
      epoch,
      claim,
      previous: -1,
      last: 0,
      puts: [{ key: 'ann', blob: Buffer.of(1), expiresAtMs: never }],
    })
    const claimed = await store.claim(at, 'another plan', 0)
    assert.equal(await store.sweep(at, claimed, 0), 30)
    assert.equal(await blobsOf(1), 1)
  })
})
