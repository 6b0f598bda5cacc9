import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/base/clock.js'
import { EngineError } from '../../../src/base/errors.js'
import { marksTopic } from '../../../src/consumers/ground/topic-names.js'
import type { DeadLetter } from '../../../src/contracts/dead-letters.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { asked, deadLettersOf, eventsOf, givenDeadLetters, list, passes } from './dead-letters-harness.js'
import { redrive, redrivenCount, type OpenHarness } from './dead-letters-harness.js'

export function redriveContract(open: OpenHarness): void {
  describe('a redrive', () => {
    test('first reports what each event would become, as a dry run; then each becomes just that', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const deadLetters = deadLettersOf(harness)
      const told = await redrive(deadLetters, asked(harness, { dryRun: true }))
      assert.deepEqual(
        told.map(({ becomes, deadLetter: { event_id } }) => [event_id, becomes]).sort(),
        [
          ['acme-50', 'bad'],
          ['stranger-0', 'scored'],
          ['stranger-1', 'scored'],
          ['stranger-2', 'late'],
          [null, 'bad'],
        ].sort(),
      )
      assert.equal(await redrivenCount(harness), 0)
      const done = await redrive(deadLetters, asked(harness))
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
      const scores = new Map(told.map((one) => [one.deadLetter.event_id, 'score' in one ? one.score : undefined]))
      for (const { id, score } of strangers.slice(0, 1)) assert.equal(score, scores.get(id))
    })

    test('sends the same bytes with the same key to the same partition, and its headers name the origin', async () => {
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

    test('that is repeated sends nothing again, also from another process', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      await redrive(deadLettersOf(harness), asked(harness))
      assert.equal(
        (await redrive(deadLettersOf(harness), asked(harness))).filter(({ becomes }) => becomes === 'redriven').length,
        0,
      )
      await redrive(deadLettersOf(harness, 'two'), asked(harness))
      assert.equal(await redrivenCount(harness), 3)
      assert.deepEqual(
        (await list(deadLettersOf(harness), { state: 'redriven' })).map(({ code }) => code),
        ['UNKNOWN_TENANT', 'UNKNOWN_TENANT', 'UNKNOWN_TENANT'],
      )
    })

    for (const [when, kind, sentBefore] of [
      ['after the events are in the log', 'redriven', 3],
      ['before the events are in the log', 'redriving', 0],
    ] as const)
      test(`that fails ${when} is completed by the next one, and each event is in the log once`, async () => {
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
        assert.equal(await redrivenCount(harness), sentBefore)
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
        assert.equal(await redrivenCount(harness), 3)
      })

    test('by three processes at the same time sends each event once', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const all = await Promise.all(
        ['one', 'two', 'three'].map((owner) => redrive(deadLettersOf(harness, owner), asked(harness, { limit: 1 }))),
      )
      assert.equal(all.flat().filter(({ becomes }) => becomes === 'redriven').length, 3)
      assert.equal(await redrivenCount(harness), 3)
    })

    test('of events that are still bad makes dead letters with the same origin and one more attempt', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const flow = await harness.score({ tenants: new Set(['acme']) })
      const deadLetters = deadLettersOf(harness)
      const done = await redrive(deadLetters, asked(harness, { evenBad: true, limit: 1 }))
      assert.equal(done.length, 5)
      await flow.caughtUp()
      const fresh = await list(deadLetters, { state: 'new' })
      const old = await list(deadLetters, { state: 'redriven' })
      const identity = ({ code, partition, origin }: DeadLetter): string => `${code} ${partition} ${origin}`
      assert.deepEqual(fresh.map(identity).sort(), old.map(identity).sort())
      assert.deepEqual(new Set(fresh.map(({ attempts }) => attempts)), new Set([1]))
      assert.deepEqual(new Set(old.map(({ attempts }) => attempts)), new Set([0]))
      await redrive(deadLetters, asked(harness, { evenBad: true }))
      await flow.caughtUp()
      assert.deepEqual(
        new Set((await list(deadLetters, { state: 'new' })).map(({ attempts }) => attempts)),
        new Set([2]),
      )
    })

    test('with a filter on a tenant sends only events that name this tenant', async () => {
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
      assert.equal(await redrivenCount(harness), 0)
    })
  })
}
