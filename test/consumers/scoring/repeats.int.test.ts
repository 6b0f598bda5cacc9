import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { driveEngine } from '../../drive/engine.js'
import { each } from '../../drive/expected.js'
import { pass, passesOf } from '../../drive/words/doors.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, monday, passes, type EngineHarness } from '../engine-harness.js'

const kinds = async (harness: EngineHarness): Promise<string> =>
  [...(await harness.seen()).values()].map(({ kind }) => (kind === 'prediction' ? 'p' : 'd')).join('')

test('an event that comes again is scored once and counted, also after a restart and by another owner', async () => {
  const harness = await engineHarness()
  const events = passes(10)
  await harness.append(events)
  const first = await harness.score()
  await first.caughtUp()
  await first.stop()
  await harness.append(events.slice(0, 3))
  const restarted = await harness.score()
  await restarted.caughtUp()
  const { partition, block } = restarted.chunks.at(-1)!
  await harness.store.claim({ stream: 'doors', partition }, harness.stream.stateIdentity, block.epoch)
  await harness.append([...events.slice(5, 7), ...passes(1, 10)])
  await restarted.caughtUp()
  assert.equal(await kinds(harness), 'ppppppppppdddddp')
  assert.equal(
    restarted.chunks.reduce((sum, { chunk }) => sum + chunk.duplicates, 0),
    5,
  )
})

test('an event that comes again is scored again where more than `seenIds` other events came in between', () =>
  driveEngine(doors, { seenIds: 4 })
    .when(passesOf(8), pass({ id: 'pass-8' }), pass({ id: 'pass-1' }))
    .then([...each(8), { duplicate: true }, {}]))

test('an event with the id of an event of another tenant is no duplicate', () =>
  driveEngine(doors)
    .given(pass({ id: 'x' }))
    .when(pass({ id: 'x', tenant: 'globex' }))
    .then({ features: { passes_1h: 1 } }))

test('an event that comes late, but within the lateness, changes later vectors as if it had come in time', async () => {
  const inTurn = passes(12).map((event, n) => ({ ...event, at: monday + n * 60_000 }))
  const late = inTurn[4]!
  const [calm, shuffled] = [await engineHarness(), await engineHarness()]
  await calm.append(inTurn)
  await shuffled.append([...inTurn.slice(0, 4), ...inTurn.slice(5, 10), late, ...inTurn.slice(10)])
  for (const harness of [calm, shuffled]) await (await harness.score()).caughtUp()
  const passesOf = async (harness: EngineHarness, id: unknown): Promise<number> =>
    [...(await harness.seen()).values()].find((one) => one.id === id)!.vector[1]!
  for (const { event_id: id } of [late, ...inTurn.slice(10)] as { event_id?: string }[])
    assert.equal(await passesOf(shuffled, id), await passesOf(calm, id))
  assert.deepEqual(
    [...(await shuffled.seen()).values()].filter((one) => one.late),
    [],
  )
})
