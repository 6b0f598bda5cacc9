import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { createWorld } from '../../src/simulator/index.js'
import { diceOf } from '../../src/simulator/world/ground/dice.js'
import { collides, countOf, domains, newDocument, versionAt, write } from '../../src/simulator/world/syncs/documents.js'

const edits = fc.array(
  fc.record({ author: fc.constantFrom('ann', 'bob', 'console'), fields: fc.integer({ min: 1, max: 15 }) }),
  { maxLength: 12 },
)

describe('a conflict', () => {
  test('is exactly an edit of fields that another author changed after its base version', () =>
    fc.assert(
      fc.property(edits, fc.nat(12), fc.integer({ min: 1, max: 15 }), (history, seen, fields) => {
        const document = newDocument(domains[0]!, 'r', diceOf(1, 'test'))
        const first = document.version
        history.forEach(({ author, fields: changed }, index) => write(document, author, changed, index + 1))
        const base = versionAt(document, seen)
        assert.equal(base, first + Math.min(seen, history.length))
        const expected = history
          .slice(seen)
          .some(
            (edit) =>
              edit.author !== 'ann' && [0, 1, 2, 3].some((bit) => ((edit.fields >> bit) & (fields >> bit) & 1) === 1),
          )
        assert.equal(collides(document, base, 'ann', fields), expected)
      }),
    ))

  test(
    'never happens on records that one person alone edits, and starts from a version older than what was ' +
      'uploaded before',
    () => {
      const startMs = Date.UTC(2026, 0, 5)
      const world = createWorld({ seed: 5, startMs, scale: 0.2 })
      const newest = new Map<string, number>()
      let conflicts = 0
      let stale = 0
      let staleElsewhere = 0
      let others = 0
      for (const { stream, event } of world.events(startMs, startMs + 12 * 86_400_000)) {
        if (stream !== 'sync' || event['base_version'] === null) continue
        const record = `${String(event['tenant_id'])} ${String(event['record_id'])}`
        const base = Number(event['base_version'])
        const isStale = base < (newest.get(record) ?? 0)
        newest.set(record, Math.max(newest.get(record) ?? 0, base + 1))
        if (world.truthOf(event) === 'conflict') {
          conflicts++
          if (isStale) stale++
          assert.match(record, /-t\d+-/)
        } else {
          others++
          if (isStale) staleElsewhere++
        }
      }
      // The other conflicts are with edits at the console, which the stream does not contain.
      assert.ok(conflicts > 50 && stale / conflicts > 0.4, `${stale} of ${conflicts}`)
      assert.ok(staleElsewhere / others < stale / conflicts / 2)
    },
  )

  test('counts the fields it changes', () => {
    assert.deepEqual([0, 1, 3, 8, 15].map(countOf), [0, 1, 2, 1, 4])
  })
})
