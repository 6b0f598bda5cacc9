import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { certify } from '../../../src/consumers/replay/certify/certify.js'
import type { Configured } from '../../../src/consumers/control/tenant-table.js'
import { tenantsAt, tenantsOfLog } from '../../../src/consumers/control/tenants.js'
import { readDeadLetter } from '../../../src/consumers/ground/dead-letter-record.js'
import type { Tenants } from '../../../src/consumers/ground/decode.js'
import { positionsAgain } from '../../../src/consumers/scoring/chunk-tenants.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, passes, type EngineHarness } from '../engine-harness.js'
import { replayHarness } from '../replay/replay-harness.js'
import { processWith } from '../tenants-harness.js'

const codesOf = async (harness: EngineHarness): Promise<readonly string[]> =>
  (await harness.deadLetters()).map((record) => readDeadLetter(record)!.code)

const hasGlobex = (tenants: Tenants): boolean => tenants === 'any' || tenants.has('globex')

/** All tenants are in one partition. */
const shared = { ...doors, partitions: 1 }

async function certificateOf(harness: EngineHarness, configured: Configured = []) {
  const { parts } = await replayHarness(harness)
  const tenants = await tenantsOfLog(parts.view, configured)
  return (await certify({ stream: harness.stream.stream, id: 'c', build: 'b', cpu: 'c' }, { ...parts, tenants }))!
}

/** Tenant globex sends events before it is added, while it is known, and after it was removed. */
async function life(harness: EngineHarness) {
  const process = await processWith(harness.log, ['acme'])
  const flow = await harness.score(process.flow)
  const send = async (from: number): Promise<void> => {
    await harness.append([...passes(20, from), ...passes(20, from, 'globex')])
    await flow.caughtUp()
  }
  await send(0)
  await process.add('globex')
  await process.inForce()
  await send(20)
  await process.remove('globex')
  await process.inForce()
  await send(40)
  await flow.stop()
  return process
}

test('a tenant is scored from the chunk after its decision on, and a replay does the same', async () => {
  const harness = await engineHarness(undefined, 'doors', shared)
  await life(harness)
  assert.deepEqual(
    (await codesOf(harness)).length,
    40,
    'dead letters of globex before it was added and after it was removed',
  )
  const ids = [...(await harness.seen()).values()].map(({ id }) => id)
  assert.equal(ids.filter((id) => id.startsWith('globex')).length, 20)
  assert.equal(ids.length, 80)
  const certificate = await certificateOf(harness)
  assert.equal(certificate.firstDifference, null)
  assert.equal(certificate.equal, true)
})

test('a rebuilt state folds again what was folded, with the tenants that were known at each event', async () => {
  const harness = await engineHarness(undefined, 'doors', shared)
  const process = await life(harness)
  await harness.loseState()
  await process.add('globex')
  await process.inForce()
  const flow = await harness.score(process.flow)
  await harness.append([...passes(40, 30, 'globex'), ...passes(20, 60)])
  await flow.caughtUp()
  await flow.stop()
  // Events 30 to 39 of globex were folded before; 40 to 49 were dead letters, so they are new to the state.
  const kinds = [...(await harness.seen()).values()].filter(({ kind }) => kind === 'duplicate').map(({ id }) => id)
  assert.deepEqual(
    kinds,
    passes(10, 30, 'globex').map(({ event_id }) => event_id),
  )
  const certificate = await certificateOf(harness)
  assert.equal(certificate.firstDifference, null)
})

test('a tenant that is added while events are folded again does not concern them', async () => {
  const harness = await engineHarness(undefined, 'doors', shared)
  const { flow, add } = await processWith(harness.log, ['acme'])
  const control = flow.routing().position
  const again = {
    ...{ deps: { ...flow, clock: systemClock }, log: harness.log, revoked: new AbortController().signal },
    ...{ claimed: { from: 0, covered: 9 }, rules: { since: 0, control } },
  }
  const [stretch, ...more] = await positionsAgain(harness.stream, 0, again)
  assert.deepEqual([stretch, more], [{ control, upTo: 9 }, []])
  await add('globex')
  assert.deepEqual(
    [stretch!.control, Infinity].map((at) => hasGlobex(tenantsAt(flow.tenants, at))),
    [false, true],
  )
})

test('an event that comes after its tenant was added elsewhere waits for the decision', async () => {
  const harness = await engineHarness(undefined, 'doors', shared)
  const [here, elsewhere] = [await processWith(harness.log, ['acme']), await processWith(harness.log, ['acme'])]
  const stale = here.flow.routing()
  let isBehind = true
  const bounds = harness.log.bounds.bind(harness.log)
  harness.log.bounds = (...args) => {
    if (args[0].topic === controlTopic.topic) isBehind = false
    return bounds(...args)
  }
  const flow = await harness.score({ ...here.flow, routing: () => (isBehind ? stale : here.flow.routing()) })
  await elsewhere.add('globex')
  await harness.append(passes(5, 0, 'globex'))
  await flow.caughtUp()
  assert.deepEqual(await codesOf(harness), [])
  assert.equal((await harness.seen()).size, 5)
})

test('a routing that waits for a model holds a chunk once, and not longer than the limit', async () => {
  const harness = await engineHarness(undefined, 'doors', shared)
  const [here, elsewhere] = [await processWith(harness.log, ['acme']), await processWith(harness.log, ['acme'])]
  const stale = here.flow.routing()
  let asked = 0
  const bounds = harness.log.bounds.bind(harness.log)
  harness.log.bounds = (...args) => {
    if (args[0].topic === controlTopic.topic) asked++
    return bounds(...args)
  }
  const startMs = systemClock.nowMs()
  const clock = {
    nowMs: () => startMs + 50 * (systemClock.nowMs() - startMs),
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal),
  }
  const flow = await harness.score({ ...here.flow, clock, routing: () => stale })
  await elsewhere.add('globex')
  asked = 0
  for (const from of [0, 5, 10]) {
    await harness.append([...passes(5, from, 'globex'), ...passes(5, from)])
    await flow.caughtUp()
  }
  assert.equal((await codesOf(harness)).length, 15)
  assert.equal(asked, 1)
})

test('a log from before tenants were decisions is replayed as it was served, also after its first one', async () => {
  const harness = await engineHarness(undefined, 'doors', shared)
  let flow = await harness.score({ tenants: new Set(['acme']) })
  await harness.append([...passes(20), ...passes(20, 0, 'globex')])
  await flow.caughtUp()
  await flow.stop()
  await harness.log.ensure({ topic: controlTopic.topic, partitions: 1 })
  assert.equal((await certificateOf(harness, ['acme'])).equal, true)
  const process = await processWith(harness.log, ['acme'])
  await process.add('globex')
  await process.inForce()
  flow = await harness.score(process.flow)
  await harness.append(passes(20, 0, 'globex'))
  await flow.caughtUp()
  await flow.stop()
  const { equal, served } = await certificateOf(harness)
  assert.deepEqual([equal, served.predictions, served.deadLetters], [true, 40, 20])
})
