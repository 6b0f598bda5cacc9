import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assign } from '../../../src/log/kafka/sticky.js'
import type { Joining } from '../../../src/log/kafka/sticky.js'

const partitions = (topics: number, count: number): string[] =>
  Array.from({ length: topics * count }, (_, i) => `t${Math.floor(i / count)}/${i % count}`)
const member = (
  id: string,
  owned: readonly string[] = [],
  topics = ['t0', 't1', 't2', 't3'],
  generation = 1,
): Joining => ({ id, topics, owned, generation })
const sorted = (shares: ReadonlyMap<string, readonly string[]>): Record<string, string[]> =>
  Object.fromEntries([...shares].map(([id, share]) => [id, [...share].sort()]))

/** Assigns again until nothing moves, like members that give up moving partitions and join again. */
function settled(
  members: readonly Joining[],
  all: readonly string[],
): { shares: Record<string, string[]>; moved: number } {
  let current = members
  let moved = 0
  for (let round = 0; round < 10; round++) {
    const shares = assign(current, all)
    const next = current.map((one) => ({ ...one, owned: shares.get(one.id)!, generation: one.generation + 1 }))
    const lost = current.flatMap((one) => one.owned.filter((partition) => !shares.get(one.id)!.includes(partition)))
    moved += lost.length
    if (lost.length === 0 && [...shares.values()].flat().length === all.length) return { shares: sorted(shares), moved }
    current = next
  }
  throw new Error('does not settle')
}

test('a single member gets every partition', () => {
  expect(sorted(assign([member('a')], partitions(1, 4)))).toEqual({ a: ['t0/0', 't0/1', 't0/2', 't0/3'] })
})

test('a partition that moves has no member while its owner still works on it', () => {
  const all = partitions(1, 4)
  const first = assign([member('a', all), member('b')], all)
  expect([first.get('a')!.length, first.get('b')]).toEqual([2, []])
  const second = assign([member('a', first.get('a')), member('b')], all)
  expect([second.get('a'), second.get('b')!.length]).toEqual([first.get('a'), 2])
})

test('a new member gets its share, and nothing else moves', () => {
  const { shares, moved } = settled([member('a', partitions(4, 4)), member('b')], partitions(4, 4))
  expect([shares['a']!.length, shares['b']!.length, moved]).toEqual([8, 8, 8])
})

test('when a member leaves, the others keep their partitions', () => {
  const { moved } = settled([member('a', ['t0/0', 't0/1']), member('b', ['t0/2'])], partitions(1, 6))
  expect(moved).toBe(0)
})

test('when two members claim a partition, the newer generation wins', () => {
  const shares = assign([member('a', ['t0/0'], ['t0'], 3), member('b', ['t0/0'], ['t0'], 4)], ['t0/0'])
  expect(sorted(shares)).toEqual({ a: [], b: ['t0/0'] })
})

test('a partition whose owner no longer reads its topic moves to a member that does', () => {
  const { shares } = settled([member('a', ['t0/0'], ['t1']), member('b', [], ['t0'])], ['t0/0'])
  expect(shares).toEqual({ a: [], b: ['t0/0'] })
})

test('after all changes of members every topic is spread evenly, and each partition has one member', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat({ max: 7 }), { minLength: 24, maxLength: 24 }),
      (topics, count, many, owners) => {
        const all = partitions(topics, count)
        const members = Array.from({ length: many }, (_, n) =>
          member(
            `m${n}`,
            all.filter((_partition, i) => owners[i] === n),
          ),
        )
        const { shares } = settled(members, all)
        expect(Object.values(shares).flat().sort()).toEqual([...all].sort())
        for (let topic = 0; topic < topics; topic++) {
          const counts = Object.values(shares).map(
            (share) => share.filter((partition) => partition.startsWith(`t${topic}/`)).length,
          )
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        }
        const totals = Object.values(shares).map(({ length }) => length)
        expect(Math.max(...totals) - Math.min(...totals)).toBeLessThanOrEqual(1)
      },
    ),
  )
})
