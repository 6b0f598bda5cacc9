import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { idSeeds, SeenIds, seenIndexKey } from '../../../src/features/memory/seen-ids.js'

const north = idSeeds('north')

test('an id is remembered while it is among the last ones, and no longer', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }),
      (horizon, drawn) => {
        const seen = new SeenIds(horizon)
        const remembered: number[] = []
        for (const id of drawn) {
          const known = remembered.slice(-horizon).includes(id)
          assert.equal(seen.add(north, `id ${id}`), !known)
          if (!known) remembered.push(id)
        }
      },
    ),
  ))

test('ids belong to their tenant', () => {
  const seen = new SeenIds(10)
  assert.deepEqual([seen.add(north, 'a'), seen.add(idSeeds('south'), 'a'), seen.add(north, 'a')], [true, true, false])
})

/** A store, and the keys that one commit wrote to it. */
function store(seen: SeenIds, blobs: Map<string, Buffer>): number {
  const { puts, deletes } = seen.takeDirty()
  puts.forEach(({ key, blob }) => blobs.set(key, blob))
  deletes.forEach((key) => assert.ok(blobs.delete(key)))
  return puts.reduce((bytes, { blob }) => bytes + blob.length, 0)
}

function reopened(horizon: number, blobs: ReadonlyMap<string, Buffer>): SeenIds {
  const seen = new SeenIds(horizon)
  const keys = seen.open(blobs.get(seenIndexKey))
  seen.admit(keys.map((key) => blobs.get(key)))
  return seen
}

const ids = (from: number, to: number): readonly string[] => Array.from({ length: to - from }, (_, i) => `e${from + i}`)

test('a commit writes the new ids, at most one segment more, and deletes segments past the horizon', () => {
  const [seen, blobs] = [new SeenIds(5_000), new Map<string, Buffer>()]
  for (let from = 0; from < 30_000; from += 100) {
    ids(from, from + 100).forEach((id) => assert.ok(seen.add(north, id)))
    assert.ok(store(seen, blobs) <= 2 * (8 * 1_024 + 8) + 24)
  }
  assert.ok(blobs.size <= 1 + 6)
})

test('a reopened memory remembers the same ids, also when the horizon is now smaller or larger', () => {
  const [seen, blobs] = [new SeenIds(3_000), new Map<string, Buffer>()]
  ids(0, 10_000).forEach((id) => seen.add(north, id))
  store(seen, blobs)
  const known = (horizon: number, from: number, to: number): boolean => {
    const again = reopened(horizon, blobs)
    return ids(from, to).every((id) => !again.add(north, id))
  }
  assert.ok(known(3_000, 7_000, 10_000))
  assert.ok(known(6_000, 7_000, 10_000))
  assert.ok(known(500, 9_500, 10_000))
  assert.ok(reopened(3_000, blobs).add(north, 'e6999'))
  assert.ok(reopened(500, blobs).add(north, 'e9499'))
})

test('a missing segment is an error', () => {
  const [seen, blobs] = [new SeenIds(3_000), new Map<string, Buffer>()]
  ids(0, 3_000).forEach((id) => seen.add(north, id))
  store(seen, blobs)
  blobs.delete([...blobs.keys()].at(-1)!)
  assert.throws(() => reopened(3_000, blobs), /rebuild/)
})
