import { strict as assert } from 'node:assert'
import { describe, onTestFinished, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/base/clock.js'
import { openDeadLetters } from '../../../src/consumers/dead-letters/dead-letters.js'
import { EngineError } from '../../../src/base/errors.js'
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetters,
  RedriveRequest,
} from '../../../src/contracts/dead-letters.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import {
  engineHarness,
  monday,
  passes as passesOfMonday,
  settings,
  type EngineHarness,
  type HarnessLog,
} from '../engine-harness.js'
import { marksTopic } from '../../../src/consumers/ground/topic-names.js'

const dayMs = 86_400_000
/** A server may drop what is older than its topic's retention: the events are yesterday's. */
const yesterday = Math.floor(systemClock.nowMs() / dayMs) * dayMs - dayMs
const passes = (...asked: Parameters<typeof passesOfMonday>) =>
  passesOfMonday(...asked).map((event) => ({ ...event, at: (event['at'] as number) - monday + yesterday }))

/** The letters of a harness, as one process of an engine that now knows every tenant sees them. */
function deadLettersOf(
  harness: EngineHarness,
  owner = 'one',
  { log = harness.log, clock = systemClock }: { log?: EventLog; clock?: Clock } = {},
): DeadLetters {
  const letters = openDeadLetters({
    log,
    clock,
    owner,
    store: harness.store,
    streams: [harness.stream],
    tenants: 'any',
    routing: () => emptyRouting,
    seenIds: settings.seenIds,
    marksKeptMs: 365 * dayMs,
  })
  onTestFinished(() => letters.close())
  return letters
}

/** Three events of a tenant that is not configured, one of them older than the lateness allows, between torn ones. */
async function givenDeadLetters(harness: EngineHarness): Promise<void> {
  const strangers = passes(3, 0, 'stranger')
  await harness.append(
    [
      ...passes(6),
      strangers[0]!,
      '{"torn',
      strangers[1]!,
      { ...passes(1, 50)[0], force: 'much' },
      { ...strangers[2], at: yesterday - dayMs },
    ],
    yesterday + dayMs,
  )
  const flow = await harness.score({ tenants: new Set(['acme']) })
  await flow.caughtUp()
  await flow.stop()
  assert.equal((await harness.deadLetters()).length, 5)
}

async function every<Item>(page: (cursor: string | undefined) => Promise<DeadLetterPage<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const { items: more, next } = await page(cursor)
    items.push(...more)
    cursor = next
  } while (cursor !== undefined)
  return items
}

export function deadLettersContract(openLog: () => Promise<HarnessLog> | undefined, nextName: () => string): void {
  const open = async (): Promise<EngineHarness> => {
    const log = openLog()
    return log === undefined ? engineHarness() : engineHarness(() => log, nextName())
  }
  const list = (letters: DeadLetters, filter: DeadLetterFilter, limit = 100): Promise<DeadLetter[]> =>
    every((cursor) => letters.list(filter, cursor, limit))
  const asked = (harness: EngineHarness, change: Partial<RedriveRequest> = {}): RedriveRequest => ({
    filter: { stream: harness.stream.stream.name },
    limit: 100,
    dryRun: false,
    evenBad: false,
    by: 'key-1',
    ...change,
  })
  const redrive = async (letters: DeadLetters, request: RedriveRequest) =>
    every((cursor) => letters.redrive({ ...request, ...(cursor !== undefined && { cursor }) }))
  const eventsOf = async (harness: EngineHarness) =>
    (await Promise.all([0, 1, 2, 3].map((partition) => harness.records(harness.stream.topics.events, partition)))).flat()
  const isSent = async (harness: EngineHarness): Promise<number> =>
    (await eventsOf(harness)).filter(({ headers }) => headers['redrive-attempt'] !== undefined).length

  describe('dead letters', () => {
    test('are listed newest first, a page at a time, each once though a crash wrote some again', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      for (const letter of await harness.deadLetters())
        await harness.log.append(
          { topic: harness.stream.topics.deadLetters, partition: Number(letter.headers['dead-letter-partition']) },
          [letter],
        )
      const letters = deadLettersOf(harness)
      const all = await list(letters, {})
      assert.equal(all.length, 5)
      assert.deepEqual(
        all.map(({ timeMs }) => timeMs),
        [...all.map(({ timeMs }) => timeMs)].sort((a, b) => b - a),
      )
      for (const limit of [1, 2, 3])
        assert.deepEqual(
          (await list(letters, {}, limit)).map(({ partition, offset }) => `${partition}/${offset}`).sort(),
          all.map(({ partition, offset }) => `${partition}/${offset}`).sort(),
        )
    })

    test('are found by code, stage, tenant, time and partition', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const letters = deadLettersOf(harness)
      const codes = async (filter: DeadLetterFilter): Promise<string[]> =>
        (await list(letters, filter)).map(({ code }) => code).sort()
      assert.deepEqual(await codes({ code: 'BAD_JSON' }), ['BAD_JSON'])
      assert.deepEqual(await codes({ stage: 'check' }), ['UNKNOWN_TENANT', 'UNKNOWN_TENANT', 'UNKNOWN_TENANT'])
      assert.deepEqual(await codes({ tenant: 'acme' }), ['BAD_FIELD', 'BAD_JSON'])
      assert.deepEqual(await codes({ fromMs: yesterday + dayMs + 1 }), [])
      assert.deepEqual(await codes({ toMs: yesterday + dayMs }), [])
      assert.equal((await codes({ fromMs: yesterday + dayMs, toMs: yesterday + dayMs + 1 })).length, 5)
      const [torn] = await list(letters, { code: 'BAD_JSON' })
      assert.deepEqual(await codes({ partition: torn!.partition, code: 'BAD_JSON' }), ['BAD_JSON'])
    })

    test('name a tenant only where everything that names one agrees', async () => {
      const harness = await open()
      const put = (key: string, value: object, header?: string) =>
        harness.log.append({ topic: harness.stream.topics.events, partition: 0 }, [
          {
            key: Buffer.from(key),
            value: Buffer.from(JSON.stringify(value)),
            ...(header === undefined ? {} : { headers: { tenant: Buffer.from(header) } }),
          },
        ])
      await put('acme', { tenant_id: 'acme' }, 'acme')
      await put('acme', { tenant_id: 'globex' })
      await put('acme', {}, 'globex')
      await put('acme', {})
      await put('', {})
      const flow = await harness.score()
      await flow.caughtUp()
      assert.deepEqual(
        (await list(deadLettersOf(harness), {})).reverse().map(({ tenant }) => tenant),
        ['acme', null, null, 'acme', null],
      )
    })

    test('are shown with their bytes, what JSON they hold, and what they would become today', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const letters = deadLettersOf(harness)
      const shown = async (filter: DeadLetterFilter) => {
        const [partition, position] = (await list(letters, filter)).at(-1)!.id.split('/').slice(1).map(Number) as [
          number,
          number,
        ]
        return (await letters.show(harness.stream.stream.name, partition, position))!
      }
      const torn = await shown({ code: 'BAD_JSON' })
      assert.deepEqual(
        [torn.value, torn.key, torn.decoded, torn.today.becomes],
        [{ text: '{"torn' }, { text: 'acme' }, undefined, 'bad'],
      )
      const unfit = await shown({ code: 'BAD_FIELD' })
      assert.deepEqual(
        [(unfit.decoded as { force: unknown }).force, unfit.event_id, unfit.today.becomes],
        ['much', 'acme-50', 'bad'],
      )
      const stranger = await shown({ code: 'UNKNOWN_TENANT' })
      assert.deepEqual([stranger.today.becomes, stranger.state], ['scored', 'new'])
      assert.equal(await letters.show(harness.stream.stream.name, 0, 1_000), undefined)
    })
  })

  describe('a redrive', () => {
    test('first tells what each event would become, and changes nothing; then each becomes just that', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const letters = deadLettersOf(harness)
      const told = await redrive(letters, asked(harness, { dryRun: true }))
      assert.deepEqual(
        told.map(({ becomes, letter: { event_id } }) => [event_id, becomes]).sort(),
        [
          ['acme-50', 'bad'],
          ['stranger-0', 'scored'],
          ['stranger-1', 'scored'],
          ['stranger-2', 'late'],
          [null, 'bad'],
        ].sort(),
      )
      assert.equal(await isSent(harness), 0)
      const done = await redrive(letters, asked(harness))
      assert.deepEqual(done.map(({ becomes }) => becomes).sort(), ['bad', 'bad', 'redriven', 'redriven', 'redriven'])
      const flow = await harness.score({ tenants: 'any' })
      await flow.caughtUp()
      const strangers = [...(await harness.seen()).values()].filter(({ id }) => id.startsWith('stranger'))
      assert.deepEqual(
        strangers.map(({ id, late, kind }) => [id, late, kind]),
        [
          ['stranger-0', false, 'prediction'],
          ['stranger-1', false, 'prediction'],
          ['stranger-2', true, 'prediction'],
        ],
      )
      const scores = new Map(told.map((one) => [one.letter.event_id, 'score' in one ? one.score : undefined]))
      for (const { id, score } of strangers.slice(0, 1)) assert.equal(score, scores.get(id))
    })

    test('sends the same bytes under the same key to the same partition, and says so in headers', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      await redrive(
        deadLettersOf(harness),
        asked(harness, { filter: { stream: harness.stream.stream.name, code: 'UNKNOWN_TENANT' } }),
      )
      const events = await eventsOf(harness)
      const sent = events.filter(({ headers }) => headers['redrive-attempt'] !== undefined)
      assert.equal(sent.length, 3)
      for (const { key, value, headers } of sent) {
        const origin = events.find(
          (event) =>
            event.offset === Number(headers['redrive-origin']) &&
            event.headers['redrive-attempt'] === undefined &&
            event.value!.equals(value!),
        )
        assert.deepEqual(
          [origin?.key, String(headers['redrive-attempt']), String(headers['redrive-by'])],
          [key, '1', 'key-1'],
        )
        assert.ok(!Object.keys(headers).some((name) => name.startsWith('dead-letter-')))
      }
    })

    test('repeated sends nothing again, whoever repeats it', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      await redrive(deadLettersOf(harness), asked(harness))
      assert.equal(
        (await redrive(deadLettersOf(harness), asked(harness))).filter(({ becomes }) => becomes === 'redriven').length,
        0,
      )
      await redrive(deadLettersOf(harness, 'two'), asked(harness))
      assert.equal(await isSent(harness), 3)
      assert.deepEqual(
        (await list(deadLettersOf(harness), { state: 'redriven' })).map(({ code }) => code),
        ['UNKNOWN_TENANT', 'UNKNOWN_TENANT', 'UNKNOWN_TENANT'],
      )
    })

    for (const [when, kind, sentBefore] of [
      ['after the events are in the log', 'redriven', 3],
      ['before they are', 'redriving', 0],
    ] as const)
      test(`that dies ${when} is made good by the next, and each event is there once`, async () => {
        const harness = await open()
        await givenDeadLetters(harness)
        const only = asked(harness, { filter: { stream: harness.stream.stream.name, code: 'UNKNOWN_TENANT' } })
        const { log } = harness
        let dead = false
        const dying: EventLog = {
          ensure: (topic) => log.ensure(topic),
          bounds: (...args) => log.bounds(...args),
          reader: (at) => log.reader(at),
          async append(at, records) {
            if (dead) throw new EngineError('LOG_DOWN', 'dead')
            const isMark = at.topic === marksTopic.topic
            const isFatal = isMark && String(records[0]!.value).includes(`"kind":"${kind}"`)
            if (isFatal && kind === 'redriven') dead = true
            if (dead) throw new EngineError('LOG_DOWN', 'dead')
            const offset = await log.append(at, records)
            dead = isFatal
            return offset
          },
        }
        await assert.rejects(deadLettersOf(harness, 'one', { log: dying }).redrive(only), /dead/)
        assert.equal(await isSent(harness), sentBefore)
        const soon = await redrive(deadLettersOf(harness, 'two'), only)
        assert.deepEqual(
          soon.map(({ becomes }) => becomes),
          ['elsewhere', 'elsewhere', 'elsewhere'],
          'it may only be slow',
        )
        const later: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + 600_000 }
        const done = await redrive(deadLettersOf(harness, 'two', { clock: later }), only)
        assert.deepEqual(
          done.map(({ becomes }) => becomes),
          ['redriven', 'redriven', 'redriven'],
        )
        assert.equal(await isSent(harness), 3)
      })

    test('of two processes at once sends each event once', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const all = await Promise.all(
        ['one', 'two', 'three'].map((owner) => redrive(deadLettersOf(harness, owner), asked(harness, { limit: 1 }))),
      )
      assert.equal(all.flat().filter(({ becomes }) => becomes === 'redriven').length, 3)
      assert.equal(await isSent(harness), 3)
    })

    test('of what is still bad makes letters again, of the same origin, one attempt more; and ends', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const flow = await harness.score({ tenants: new Set(['acme']) })
      const letters = deadLettersOf(harness)
      const done = await redrive(letters, asked(harness, { evenBad: true, limit: 1 }))
      assert.equal(done.length, 5)
      await flow.caughtUp()
      const fresh = await list(letters, { state: 'new' })
      const old = await list(letters, { state: 'redriven' })
      const identity = ({ code, partition, origin }: DeadLetter): string => `${code} ${partition} ${origin}`
      assert.deepEqual(fresh.map(identity).sort(), old.map(identity).sort())
      assert.deepEqual(new Set(fresh.map(({ attempts }) => attempts)), new Set([1]))
      assert.deepEqual(new Set(old.map(({ attempts }) => attempts)), new Set([0]))
      await redrive(letters, asked(harness, { evenBad: true }))
      await flow.caughtUp()
      assert.deepEqual(new Set((await list(letters, { state: 'new' })).map(({ attempts }) => attempts)), new Set([2]))
    })

    test('for a tenant sends in events that name this tenant, and no others', async () => {
      const harness = await open()
      const [event] = passes(1, 0, 'stranger')
      const value = harness.stream.codec.encodeAvro({ ...event, tenant_id: 'globex' })
      await harness.log.append({ topic: harness.stream.topics.events, partition: 0 }, [
        { key: Buffer.from('stranger'), value, headers: { tenant: Buffer.from('stranger') } },
      ])
      const flow = await harness.score({ tenants: new Set(['acme']) })
      await flow.caughtUp()
      const filter = { stream: harness.stream.stream.name, tenant: 'stranger' }
      assert.deepEqual(
        (await redrive(deadLettersOf(harness), asked(harness, { filter }))).map(({ becomes }) => becomes),
        ['bad'],
      )
      assert.equal(await isSent(harness), 0)
    })
  })

  test('a purge counts first, then takes letters out of lists and redrives', async () => {
    const harness = await open()
    await givenDeadLetters(harness)
    const letters = deadLettersOf(harness)
    const filter = { stream: harness.stream.stream.name, code: 'UNKNOWN_TENANT' }
    const purge = (dryRun: boolean) =>
      every((cursor) =>
        letters.purge({ filter, limit: 2, dryRun, by: 'key-1', ...(cursor !== undefined && { cursor }) }),
      )
    assert.equal((await purge(true)).length, 3)
    assert.equal((await list(letters, { state: 'new' })).length, 5)
    assert.equal((await purge(false)).length, 3)
    assert.equal((await list(letters, { state: 'new' })).length, 2)
    assert.equal((await list(letters, { state: 'purged' })).length, 3)
    assert.deepEqual(await redrive(deadLettersOf(harness), asked(harness, { filter })), [])
  })
}
