/** One record must never decide for the others: whatever it makes the code throw, it alone becomes a dead letter. */
import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { limits } from '../../../src/base/limits.js'
import { partitionOf } from '../../../src/base/keys.js'
import type { CompiledStream } from '../../../src/consumers/ground/compiled.js'
import { readDeadLetter } from '../../../src/consumers/ground/dead-letter-record.js'
import { appendDeadLetters } from '../../../src/consumers/ground/dead-letter.js'
import type { RejectedRecord } from '../../../src/consumers/ground/rejected.js'
import { decodeToday, tryDeadLetters } from '../../../src/consumers/dead-letters/trial.js'
import { systemClock } from '../../../src/base/clock.js'
import type { PartitionState } from '../../../src/features/plan/plan.js'
import { scoredBy } from '../../../src/log/blocks/block.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { loadStreams } from '../../../src/streams/load.js'
import { caseAt } from '../../cases.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, passes, settings, type EngineHarness } from '../engine-harness.js'

type Fields = Record<string, unknown>

/** Text of an event whose field holds nested lists, as JSON. */
const withDeep = (event: Fields, field: string, levels: number): string =>
  JSON.stringify({ ...event, [field]: 'HERE' }).replace('"HERE"', '['.repeat(levels) + ']'.repeat(levels))

const deadOf = async (harness: EngineHarness) =>
  (await harness.deadLetters())
    .map((record) => readDeadLetter(record)!)
    .sort((a, b) => a.offset - b.offset)
    .map(({ code, stage, reason }) => ({ code, stage, reason }))

test('a value of any depth is shown in few characters, and the neighbours are scored', async () => {
  const harness = await engineHarness()
  const [a, b, c] = passes(3) as [Fields, Fields, Fields]
  await harness.append([a, withDeep(b, 'badge', 60_000), withDeep({ ...b, at: 1 }, 'force', 100_000), b, c])
  const flow = await harness.score()
  await flow.caughtUp()
  await flow.stop()
  assert.deepEqual(
    [...(await harness.seen()).values()].map(({ id }) => id),
    ['acme-0', 'acme-1', 'acme-2'],
  )
  const dead = await deadOf(harness)
  assert.deepEqual(
    dead.map(({ code, stage }) => [code, stage]),
    [
      ['BAD_FIELD', 'decode'],
      ['BAD_FIELD', 'decode'],
    ],
  )
  for (const { reason } of dead) assert.ok(reason.length < 200 && reason.includes('[[[[[...]'), reason)
})

test('deep-json: the good events of the case are scored and the deep one is a dead letter', async () => {
  const [events, streams] = [caseAt('deep-json/events.ndjson'), caseAt('streams')]
  if (events === undefined || streams === undefined) return
  const [pay] = await loadStreams([`${streams}/pay.ts`])
  const harness = await engineHarness(undefined, 'pay', pay)
  await harness.append(readFileSync(events, 'utf8').trim().split('\n'))
  const flow = await harness.score()
  await flow.caughtUp()
  await flow.stop()
  assert.equal((await harness.seen()).size, 2)
  assert.deepEqual(
    (await deadOf(harness)).map(({ code }) => code),
    ['BAD_FIELD'],
  )
})

test('a record that is larger than any append is cut in its dead letter, and cannot be redriven', async () => {
  const huge: RejectedRecord = {
    record: {
      offset: 7,
      timestampMs: 1,
      key: Buffer.from('acme'),
      value: Buffer.alloc(limits.appendBytes * 2, 0x20),
      headers: {},
    },
    ...{ code: 'TOO_LARGE', reason: 'too large', stage: 'decode' },
  }
  const wide = { ...huge, record: { ...huge.record, offset: 8, value: null, headers: { trace: huge.record.value! } } }
  const harness = await engineHarness()
  const { topics } = harness.stream
  const at = { topic: topics.deadLetters, partition: 0 }
  await appendDeadLetters(harness.log, at, { topic: topics.events, partition: 0 }, [huge, wide, huge], 'v')
  const stored = (await harness.records(at.topic, 0)).map((record) => readDeadLetter(record)!)
  assert.deepEqual(
    stored.map(({ offset, code, cutFrom }) => [offset, code, cutFrom! >= limits.appendBytes * 2]),
    [
      [7, 'TOO_LARGE', true],
      [8, 'TOO_LARGE', true],
      [7, 'TOO_LARGE', true],
    ],
  )
  const options = { schemas: undefined, tenants: 'any', clock: systemClock } as const
  const whole = { ...stored[0]!, value: Buffer.from(JSON.stringify(passes(1)[0])) }
  const { events, dead } = await decodeToday(harness.stream, [whole], options)
  assert.deepEqual([events.length, dead.map(({ code }) => code)], [0, ['TOO_LARGE']])
})

/** The stream, whose fold throws midway, after it has changed the state, at events that `bad` names. */
function faulty(stream: CompiledStream, bad: (id: unknown) => boolean): CompiledStream {
  const open = (cachedEntities: number, seenIds: number): PartitionState => {
    const state = stream.plan.open(cachedEntities, seenIds)
    const fold: PartitionState['fold'] = (event, vectors, at) => {
      const folded = state.fold(event, vectors, at)
      if (bad(event['event_id'])) throw new TypeError(`cannot fold ${String(event['event_id'])}`)
      return folded
    }
    return {
      missing: (e) => state.missing(e),
      admit: (k, b) => state.admit(k, b),
      takeDirty: () => state.takeDirty(),
      takeAhead: () => state.takeAhead(),
      fold,
    }
  }
  return { ...stream, plan: { ...stream.plan, open } }
}

/** All results of a run in which some events cannot be folded. */
async function resultsWith(bad: readonly string[], given: readonly Fields[], restart = false) {
  const harness = await engineHarness()
  const stream = faulty(harness.stream, (id) => bad.includes(String(id)))
  Object.assign(harness, { stream })
  const flow = await harness.score()
  await harness.append(given)
  await flow.caughtUp()
  await flow.stop()
  if (restart) {
    await harness.loseState()
    const again = await harness.score()
    await harness.append(passes(30, given.length))
    await again.caughtUp()
    await again.stop()
  }
  const dead = await deadOf(harness)
  const seen = [...(await harness.seen()).values()].map(({ id, vector, score }) => ({ id, vector, score }))
  return { dead, seen: seen.sort((a, b) => (a.id < b.id ? -1 : 1)) }
}

test('an event that the fold throws at leaves no trace in the state, also through a rebuild', async () => {
  const events = passes(150) as Fields[]
  const bad = ['acme-3', 'acme-77', 'acme-78', 'acme-149']
  const { dead, seen } = await resultsWith(bad, events, true)
  assert.deepEqual(
    dead.map(({ code, stage, reason }) => [code, stage, /TypeError: cannot fold (\S+)/.exec(reason)?.[1]]),
    bad.map((id) => ['RECORD_FAULT', 'fold', id]),
  )
  const good = events.filter(({ event_id: id }) => !bad.includes(String(id)))
  const expected = await resultsWith([], [...good, ...passes(30, 150)] as Fields[])
  assert.deepEqual(seen, expected.seen)
})

test('a trial of dead letters names the one that cannot be folded, and folds the others', async () => {
  const harness = await engineHarness()
  const stream = faulty(harness.stream, (id) => id === 'acme-1')
  const stored = (passes(3) as Fields[]).map((event, offset) => ({
    ...{ topic: 'doors', partition: 0, offset, timestampMs: systemClock.nowMs(), storedAtMs: 0 },
    ...{ attempts: 0, origin: offset },
    ...{ code: 'BAD_FIELD', stage: 'decode', reason: '', version: '', headers: {} },
    ...{ key: Buffer.from('acme'), value: Buffer.from(JSON.stringify(event)) },
  }))
  const partition = partitionOf(Buffer.from('acme'), stream.stream.partitions)
  await harness.store.claim({ stream: 'doors', partition }, stream.stateIdentity, 0, -1)
  const options = { store: harness.store, routing: () => emptyRouting, tenants: 'any', clock: systemClock } as const
  const becomes = await tryDeadLetters(stream, partition, stored, { ...options, seenIds: settings.seenIds })
  assert.deepEqual(
    becomes.map((one) => [one.becomes, 'code' in one ? one.code : undefined]),
    [
      ['scored', undefined],
      ['bad', 'RECORD_FAULT'],
      ['scored', undefined],
    ],
  )
})

test('a heuristic that throws for one event gives it a medium risk and its reason, and no other event', async () => {
  const heuristic = (x: Readonly<Record<string, number>>): number => {
    if (x['force']! > 33) throw new RangeError('too much force')
    return 0.125
  }
  const harness = await engineHarness(undefined, 'doors', { ...doors, model: undefined, heuristic })
  const events = (passes(40) as Fields[]).map((event) => ({ ...event, force: event['event_id'] === 'acme-7' ? 34 : 1 }))
  await harness.append(events)
  const flow = await harness.score()
  await flow.caughtUp()
  await flow.stop()
  const rows = (await harness.blocks()).flatMap(({ block }) =>
    block.eventIds.map((id, row) => [id, scoredBy[block.by[row]!], block.scores[row], block.risks[row]] as const),
  )
  assert.equal(rows.length, 40)
  for (const [id, by, score, risk] of rows)
    assert.deepEqual(
      [by, score, risk],
      id === 'acme-7' ? ['heuristic:heuristic-error', 0.5, 1] : ['heuristic:no-model', 0.125, 0],
    )
})
