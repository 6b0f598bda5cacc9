import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import type { StateStore } from '../../../src/state/state-store.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { engineHarness, monday, passes, settings, type EngineHarness, type Seen } from '../engine-harness.js'

/** A store whose commits never go through: stopping the flow then leaves what a crash leaves. */
const commitless = (store: StateStore): StateStore => ({
  claim: (...args) => store.claim(...args),
  load: (...args) => store.load(...args),
  commit: () => Promise.reject(new EngineError('STORE_DOWN', 'no commits today')),
  sweep: (...args) => store.sweep(...args),
})

/** What an engine that nothing ever happened to makes of the same events. */
async function undisturbed(events: Parameters<EngineHarness['append']>[0]): Promise<Map<string, Seen>> {
  const harness = await engineHarness()
  await harness.append(events)
  const flow = await harness.score()
  await flow.caughtUp()
  await flow.stop()
  return harness.seen()
}

test('every offset has one visible result: a prediction, a duplicate notice or a dead letter', async () => {
  const harness = await engineHarness()
  const good = passes(120)
  await harness.append([
    ...good.slice(0, 60),
    '{"broken',
    { ...good[5] },
    { ...good[7], event_id: 'x', force: 'much' },
    ...good.slice(60),
  ])
  const flow = await harness.score()
  await flow.caughtUp()
  const seen = [...(await harness.seen()).values()]
  const letters = await harness.deadLetters()
  assert.deepEqual(
    seen.filter(({ kind }) => kind === 'prediction').map(({ id }) => id),
    good.map((event) => event['event_id']),
  )
  assert.deepEqual(
    seen.filter(({ kind }) => kind === 'duplicate').map(({ id }) => id),
    ['acme-5'],
  )
  assert.deepEqual(
    letters.map(({ headers }) => String(headers['dead-letter-code'])),
    ['BAD_JSON', 'BAD_FIELD'],
  )
  assert.equal(letters[0]!.value?.toString(), '{"broken')
  assert.match(String(letters[1]!.headers['dead-letter-reason']), /force/)
})

test('after a crash without a commit nothing is published twice and the scores go on as if nothing had happened', async () => {
  const events = passes(300)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events.slice(0, 170))
  const crashed = await harness.score({ store: commitless(harness.store) })
  await crashed.caughtUp()
  await crashed.stop()
  await harness.append(events.slice(170))
  const again = await harness.score()
  await again.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
  assert.equal(
    again.chunks.reduce((sum, { records }) => sum + records, 0),
    130,
    'only what had no result is scored',
  )
})

test('a crash between commits goes on from the last of them', async () => {
  const events = passes(400)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  let commits = 0
  const dying: StateStore = {
    claim: (...args) => harness.store.claim(...args),
    load: (...args) => harness.store.load(...args),
    commit: (change) =>
      ++commits > 2 ? Promise.reject(new EngineError('STORE_DOWN', 'gone')) : harness.store.commit(change),
    sweep: (...args) => harness.store.sweep(...args),
  }
  await harness.append(events.slice(0, 250))
  const first = await harness.score({
    store: dying,
    settings: { commitIntervalMs: 0, commitIntervalMaxMs: 0, chunkRecords: 20, cachedEntities: 1_000, seenIds: 1_000 },
  })
  await first.caughtUp()
  await first.stop()
  assert.ok(commits > 2, 'a commit was refused')
  await harness.append(events.slice(250))
  const second = await harness.score()
  await second.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
})

test('a lost state store is rebuilt from the log, bit for bit, without publishing anything again', async () => {
  const events = passes(260)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events.slice(0, 200))
  const before = await harness.score()
  await before.caughtUp()
  await before.stop()
  await harness.loseState()
  await harness.append(events.slice(200))
  const after = await harness.score()
  await after.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
  assert.equal(
    after.chunks.reduce((sum, { records }) => sum + records, 0),
    60,
  )
})

test('a small cache changes no score', async () => {
  const events = passes(300)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events)
  const flow = await harness.score({
    settings: { commitIntervalMs: 0, commitIntervalMaxMs: 0, chunkRecords: 7, cachedEntities: 1, seenIds: 1_000 },
  })
  await flow.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
})

test('the last events are committed while nothing more arrives', async () => {
  const harness = await engineHarness()
  await harness.append(passes(10))
  const flow = await harness.score()
  await flow.caughtUp()
  const { partition } = flow.chunks[0]!
  const committed = async (): Promise<number> =>
    (await harness.store.stat()).partitions.find((one) => one.partition === partition)?.last ?? -1
  while ((await committed()) < 9) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(await committed(), 9)
})

test('a store that is away is waited for: nothing is scored meanwhile, and everything afterwards', async () => {
  const events = passes(80)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  let away = true
  let asked = 0
  const flaky: StateStore = {
    claim: (...args) => harness.store.claim(...args),
    load: (...args) => (
      asked++,
      away ? Promise.reject(new EngineError('STORE_DOWN', 'away')) : harness.store.load(...args)
    ),
    commit: (change) => harness.store.commit(change),
    sweep: (...args) => harness.store.sweep(...args),
  }
  await harness.append(events)
  const retried: string[] = []
  const flow = await harness.score({ store: flaky, onRetry: (what) => retried.push(what) })
  while (asked < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal((await harness.seen()).size, 0)
  away = false
  await flow.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
  assert.ok(retried.length >= 2)
})

test('an owner that another one fenced claims the partition again under a higher epoch', async () => {
  const events = passes(120)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events.slice(0, 60))
  const flow = await harness.score()
  await flow.caughtUp()
  const { partition, block } = flow.chunks.at(-1)!
  const { epoch } = await harness.store.claim({ stream: 'doors', partition }, harness.stream.stateIdentity, block.epoch)
  await harness.append(events.slice(60))
  await flow.caughtUp()
  while (
    !(await harness.records(harness.stream.topics.predictions, partition)).some(
      ({ value }) => decodeBlock(value!).epoch > epoch,
    )
  )
    await new Promise((resolve) => setTimeout(resolve, 20))
  await flow.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
})

test('blocks of a partition follow one another without a hole, markers first', async () => {
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

test('an event older than the lateness allows is scored, flagged, and leaves no trace', async () => {
  const events = passes(40)
  const late = { ...events[0], event_id: 'late', at: monday - 86_400_000, force: 900 }
  const harness = await engineHarness()
  await harness.append([...events.slice(0, 30), late, ...events.slice(30)])
  const flow = await harness.score()
  await flow.caughtUp()
  const seen = [...(await harness.seen()).values()]
  assert.deepEqual(
    seen.filter((one) => one.late).map(({ id }) => id),
    ['late'],
  )
  const calm = [...(await undisturbed(events)).values()]
  assert.deepEqual(
    seen.filter((one) => !one.late),
    calm,
  )
})

test('events of tenants that are not configured become dead letters', async () => {
  const harness = await engineHarness()
  await harness.append([...passes(5), ...passes(5, 0, 'stranger')])
  const flow = await harness.score({ tenants: new Set(['acme']) })
  await flow.caughtUp()
  const letters = await harness.deadLetters()
  assert.deepEqual(
    new Set(letters.map(({ headers }) => String(headers['dead-letter-code']))),
    new Set(['UNKNOWN_TENANT']),
  )
  assert.equal(letters.length, 5)
  assert.equal((await harness.seen()).size, 5)
})

test(
  'an event of the future, one of a megabyte and one without a value are dead letters; their neighbours are ' +
    'scored',
  async () => {
    const harness = await engineHarness()
    const [a, b, c] = passes(3) as [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>]
    await harness.append(
      [
        a,
        { ...b, event_id: 'future', at: monday + 9 * 86_400_000 },
        b,
        JSON.stringify({ ...c, event_id: 'huge', more: 'x'.repeat(1 << 20) }),
        c,
      ],
      monday + 3_600_000,
    )
    const { partition } = (await harness.score().then(async (flow) => (await flow.caughtUp(), flow))).chunks[0]!
    await harness.log.append({ topic: harness.stream.topics.events, partition }, [{ key: null, value: null }])
    const codes = async (): Promise<string[]> =>
      (await harness.deadLetters()).map(({ headers }) => String(headers['dead-letter-code']))
    while ((await codes()).length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(await codes(), ['TIME_OUT_OF_RANGE', 'TOO_LARGE', 'BAD_FIELD'])
    assert.deepEqual(
      [...(await harness.seen()).values()].map(({ id }) => id),
      ['acme-0', 'acme-1', 'acme-2'],
    )
  },
)

test('state that reaches beyond the log stops the partition with LOG_RESET', async () => {
  const harness = await engineHarness()
  const at = { stream: 'doors', partition: 0 }
  const { epoch, claim } = await harness.store.claim(at, harness.stream.stateIdentity, 0)
  await harness.store.commit({ at, epoch, claim, previous: -1, last: 500, puts: [] })
  const flow = await harness.score()
  await assert.rejects(flow.failed, (error) => isEngineError(error, 'LOG_RESET'))
})

test('state that nothing can read any more is dropped while events go on, and changes no result', async () => {
  const days = Array.from({ length: 5 }, (_, day) =>
    passes(20, day * 57_600).map((event) => ({ ...event, badge: `badge-of-day-${day}` })),
  )
  const events = [
    ...days.flat(),
    ...passes(20, 300).map((event) => ({
      ...event,
      event_id: `late-${String(event['event_id'])}`,
      badge: 'badge-of-day-0',
    })),
  ]
  const harness = await engineHarness()
  const flow = await harness.score({
    settings: { ...settings, chunkRecords: 10, commitIntervalMs: 0, commitIntervalMaxMs: 0, sweepIntervalMs: 0 },
  })
  for (const event of events) {
    await harness.append([event])
    await flow.caughtUp()
  }
  await flow.stop()
  const partition = [...(await harness.seen()).keys()].map((place) => Number(place.split('/')[0]))[0]!
  const keys = days.map((_, day) => harness.stream.plan.keyOf('badge', 'acme', [`badge-of-day-${day}`]))
  const kept = (await harness.store.load({ stream: 'doors', partition }, keys)).map((blob) => blob !== undefined)
  assert.deepEqual(kept, [false, false, false, false, true])
  assert.deepEqual(await harness.seen(), await undisturbed(events))
})
