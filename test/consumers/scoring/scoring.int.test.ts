import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import {
  driveEngine,
  everyResultIsAsInMemory,
  theEngineRestarts,
  theLateEventsLeaveNoTrace,
} from '../../drive/engine.js'
import { theStateIsLost } from '../../drive/engine.js'
import { each } from '../../drive/expected.js'
import { modelThat } from '../../drive/models.js'
import { record } from '../../drive/story.js'
import { pass, passesOf } from '../../drive/words/doors.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, passes } from '../engine-harness.js'

test('every record has one visible result: a prediction, a duplicate notice or a dead letter', () =>
  driveEngine(doors)
    .when(
      passesOf(60),
      record('{"broken'),
      pass({ id: 'pass-6' }),
      pass({ id: 'x', columns: { force: 'much' } }),
      passesOf(60),
    )
    .then([
      ...each(60),
      { deadLetter: 'BAD_JSON', text: '{"broken' },
      { duplicate: true },
      { deadLetter: 'BAD_FIELD', because: /force/ },
      ...each(60),
    ]))

describe('an event', () => {
  test('older than the lateness allows is scored, is marked as late and leaves no trace', () =>
    driveEngine(doors)
      .given(passesOf(30))
      .when(pass({ ago: '1d', force: 900 }), passesOf(10))
      .and(theLateEventsLeaveNoTrace())
      .then([{ late: true, features: { force: 900 } }, ...each(10, { late: false })]))

  test('of a tenant that is not configured becomes a dead letter', () =>
    driveEngine(doors, { tenants: new Set(['acme']) })
      .when(passesOf(5), passesOf(5, { tenant: 'stranger' }))
      .then([...each(5), ...each(5, { deadLetter: 'UNKNOWN_TENANT' })]))

  test('from the future, of a megabyte or of no byte becomes a dead letter; its neighbours are scored', () =>
    driveEngine(doors)
      .when(pass(), pass({ ahead: '9d' }), pass(), pass({ columns: { more: 'x'.repeat(1 << 20) } }), pass(), record(''))
      .then([
        {},
        { deadLetter: 'TIME_OUT_OF_RANGE' },
        {},
        { deadLetter: 'TOO_LARGE' },
        {},
        { deadLetter: 'BAD_JSON', because: /the record is empty/ },
      ]))

  test('is scored by the model that is routed, and by the heuristic where the model fails', () =>
    driveEngine(doors, { model: modelThat((x) => (x['force']! > 90 ? assert.fail('too much') : x['force']! / 100)) })
      .when(pass({ force: 85 }), pass({ force: 95 }), pass({ force: 20 }))
      .and(everyResultIsAsInMemory())
      .then([
        { by: 'model', version: 'v1', risk: 'high', score: 0.85, reasons: ['force'] },
        { by: 'heuristic:model-error', version: 'heuristic_v1' },
        { by: 'model', version: 'v1', risk: 'low', score: 0.2 },
      ]))

  test('has the same result in the log as in memory, through restarts and after the state was lost', () =>
    driveEngine(doors)
      .given(passesOf(40), theEngineRestarts(), passesOf(40), theStateIsLost(), passesOf(40))
      .when(pass({ id: 'pass-3' }), pass())
      .and(everyResultIsAsInMemory())
      .then([{ duplicate: true }, { late: false }]))
})

test('the blocks of a partition follow each other without a gap, and a marker is the first', async () => {
  const harness = await engineHarness()
  await harness.append([...passes(90), 'not json', 'nor this'])
  const flow = await harness.score()
  await flow.caughtUp()
  const { partition } = flow.chunks[0]!
  const blocks = (await harness.records(harness.stream.topics.predictions, partition)).map(({ value }) =>
    decodeBlock(value!),
  )
  assert.deepEqual(
    { after: blocks[0]!.after, last: blocks[0]!.last, rows: blocks[0]!.rows },
    { after: -1, last: -1, rows: 0 },
  )
  blocks.slice(1).forEach((block, i) => assert.equal(block.after, blocks[i]!.last))
  assert.equal(blocks.at(-1)!.last, 91)
})
