import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { BadShare, type BadShareRule, type AcceptedOffsets } from '../../../src/features/memory/bad-share.js'

interface Counted {
  readonly offset: number
  readonly bad: boolean
}

/** The rule as a specification: of the last records, only those after the last accepted offset count. */
function naive(
  { share, records }: BadShareRule,
  history: readonly Counted[],
  accepted: readonly AcceptedOffsets[],
): readonly boolean[] {
  return history.map(({ offset }, i) => {
    const window = history.slice(Math.max(0, i + 1 - records), i + 1)
    const passed = Math.max(-1, ...accepted.map(({ to }) => to).filter((to) => to < offset))
    return window.filter((one) => one.bad && one.offset > passed).length > Math.floor(share * records + 1e-6)
  })
}

/** Offsets with holes, and runs of bad records. */
const histories = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), bad: fc.boolean(), run: fc.integer({ min: 1, max: 8 }) }), {
    maxLength: 30,
  })
  .map((runs) => runs.flatMap(({ gap, bad, run }) => Array.from({ length: run }, () => ({ gap, bad }))))
  .map((drawn) =>
    drawn.map(({ bad }, i) => ({ bad, offset: drawn.slice(0, i + 1).reduce((sum, { gap }) => sum + gap, -1) })),
  )
const rules = fc.record({ share: fc.constantFrom(0, 0.1, 0.29, 0.5, 1), records: fc.integer({ min: 1, max: 20 }) })
const pardons = fc.array(
  fc.integer({ min: 0, max: 200 }).map((to) => ({ from: to, to })),
  { maxLength: 3 },
)

test('it is exceeded exactly where the specification says, even if the state is stored and opened at any moment', () =>
  fc.assert(
    fc.property(rules, histories, pardons, fc.infiniteStream(fc.boolean()), (rule, history, accepted, reopenings) => {
      let stored: Buffer | undefined
      let share = new BadShare(rule, stored, -1)
      const found = history.map(({ offset, bad }) => {
        const exceeded = share.add(offset, bad, accepted)
        if (reopenings.next().value === true) {
          stored = share.takeDirty() ?? stored
          share = new BadShare(rule, stored, offset)
          assert.equal(share.exceeded, exceeded)
        }
        return exceeded
      })
      assert.deepEqual(found, naive(rule, history, accepted))
    }),
  ))

test('the bytes depend only on the last records: state rebuilt from a part of the log has the same bytes', () =>
  fc.assert(
    fc.property(rules, histories, fc.nat({ max: 60 }), (rule, history, more) => {
      const whole = new BadShare(rule, undefined, -1)
      const part = new BadShare(rule, undefined, -1)
      const from = Math.max(0, history.length - rule.records - more)
      history.forEach(({ offset, bad }, i) => {
        whole.add(offset, bad, [])
        if (i >= from) part.add(offset, bad, [])
      })
      assert.equal(part.share, whole.share)
      if (whole.share > 0) assert.deepEqual(part.takeDirty(), whole.takeDirty())
    }),
  ))

test('a rule with fewer records uses the last stored ones, and a rule with more records uses all', () => {
  const ten = new BadShare({ share: 0.5, records: 10 }, undefined, -1)
  for (let offset = 0; offset < 10; offset++) ten.add(offset, offset >= 6, [])
  const blob = ten.takeDirty()
  assert.equal(new BadShare({ share: 0.5, records: 4 }, blob, 9).share, 1)
  assert.equal(new BadShare({ share: 0.5, records: 40 }, blob, 9).share, 0.1)
})

test('nothing is written while every record is good', () => {
  const share = new BadShare({ share: 0.2, records: 10 }, undefined, -1)
  for (let offset = 0; offset < 30; offset++) share.add(offset, false, [])
  assert.equal(share.takeDirty(), undefined)
})
