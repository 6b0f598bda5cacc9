import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { attendance } from '../../../src/streams/built-in/attendance.js'
import { defineStream } from '../../../src/streams/language/define.js'
import { count } from '../../../src/streams/language/windowed.js'

const whole = {
  name: 'doors',
  schema: { record: attendance.schema, older: [] },
  id: 'event_id',
  time: 'occurred_at',
  tenant: 'tenant_id',
  entities: { person: 'person_id' },
  features: { events: count('1h', { by: 'person' }) },
  heuristic: () => 0,
  risk: { high: 0.8, medium: 0.5 },
  outcome: { matureAfter: '14d', silenceMeans: 'unknown' },
}

/** What the author of a JavaScript file reads: the compiler has not checked the definition. */
function problemOf(changes: Readonly<Record<string, unknown>>): string {
  try {
    defineStream({ ...whole, ...changes } as unknown as Parameters<typeof defineStream>[0])
    return 'none'
  } catch (error) {
    return `${(error as { code?: string }).code ?? 'no code'} ${(error as Error).message}`
  }
}

describe('a definition that no compiler checked', () => {
  test('is accepted as a whole', () => assert.equal(problemOf({}), 'none'))

  test.each(Object.keys(whole))('names the member %s where it is missing, or of another type', (member) => {
    assert.match(
      problemOf({ [member]: undefined }),
      new RegExp(`^BAD_STREAM stream .*\\n {2}${member}: is missing; give `),
    )
    assert.match(problemOf({ [member]: 5 }), new RegExp(`^BAD_STREAM stream .*\\n {2}${member}: is not valid; give `))
  })

  test.each([
    [{ retention: '35 days' }, /\n {2}retention: '35 days' must be a duration such as/],
    [{ lateness: 60 }, /\n {2}lateness: '60' must be a duration such as/],
    [{ outcome: { silenceMeans: 'unknown' } }, /\n {2}outcome.matureAfter: 'undefined' must be a duration/],
    [{ outcome: { matureAfter: 'soon', silenceMeans: 'unknown' } }, /\n {2}outcome.matureAfter: 'soon' must be/],
    [{ entities: { person: 7 } }, /\n {2}entities.person: must be a column/],
    [{ features: { events: undefined } }, /\n {2}features.events: must be a feature/],
    [{ retention: 'long', partitions: 0 }, /retention: 'long'[^]*\n {2}partitions: 0 must be a whole number/],
  ])('%o: the error names the setting and what is written there', (changes, message) => {
    const problem = problemOf(changes)
    assert.match(problem, /^BAD_STREAM /)
    assert.match(problem, message)
    assert.doesNotMatch(problem, /NaN|Cannot read/)
  })
})
