import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import type { DeadLetterFilter } from '../../../src/contracts/dead-letters.js'
import { asked, deadLettersOf, every, givenDeadLetters, list, redrive, yesterday } from './dead-letters-harness.js'
import type { OpenHarness } from './dead-letters-harness.js'

export function deadLettersContract(open: OpenHarness): void {
  describe('dead letters', () => {
    test('are listed newest first, a page at a time, each once even where a crash wrote some twice', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      for (const letter of await harness.deadLetters())
        await harness.log.append(
          { topic: harness.stream.topics.deadLetters, partition: Number(letter.headers['dead-letter-partition']) },
          [letter],
        )
      const deadLetters = deadLettersOf(harness)
      const all = await list(deadLetters, {})
      assert.equal(all.length, 5)
      assert.deepEqual(
        all.map(({ timeMs }) => timeMs),
        [...all.map(({ timeMs }) => timeMs)].sort((a, b) => b - a),
      )
      for (const limit of [1, 2, 3])
        assert.deepEqual(
          (await list(deadLetters, {}, limit)).map(({ partition, offset }) => `${partition}/${offset}`).sort(),
          all.map(({ partition, offset }) => `${partition}/${offset}`).sort(),
        )
    })

    test('are found by code, stage, tenant, time and partition', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const deadLetters = deadLettersOf(harness)
      const codes = async (filter: DeadLetterFilter): Promise<string[]> =>
        (await list(deadLetters, filter)).map(({ code }) => code).sort()
      assert.deepEqual(await codes({ code: 'BAD_JSON' }), ['BAD_JSON'])
      assert.deepEqual(await codes({ stage: 'check' }), ['UNKNOWN_TENANT', 'UNKNOWN_TENANT', 'UNKNOWN_TENANT'])
      assert.deepEqual(await codes({ tenant: 'acme' }), ['BAD_FIELD', 'BAD_JSON'])
      // The time is that of the dead letter, whatever time its producer wrote.
      const times = (await list(deadLetters, {})).map(({ timeMs }) => timeMs)
      const [first, last] = [Math.min(...times), Math.max(...times)]
      assert.ok(first > yesterday)
      assert.deepEqual(await codes({ fromMs: last + 1 }), [])
      assert.deepEqual(await codes({ toMs: first }), [])
      assert.equal((await codes({ fromMs: first, toMs: last + 1 })).length, 5)
      const [torn] = await list(deadLetters, { code: 'BAD_JSON' })
      assert.deepEqual(await codes({ partition: torn!.partition, code: 'BAD_JSON' }), ['BAD_JSON'])
    })

    test('name a tenant only where the key, the header and the event agree on it', async () => {
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

    test('are shown with their bytes, their JSON and the result that they would have today', async () => {
      const harness = await open()
      await givenDeadLetters(harness)
      const deadLetters = deadLettersOf(harness)
      const shown = async (filter: DeadLetterFilter) => {
        const [partition, position] = (await list(deadLetters, filter)).at(-1)!.id.split('/').slice(1).map(Number) as [
          number,
          number,
        ]
        return (await deadLetters.show(harness.stream.stream.name, partition, position))!
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
      assert.equal(await deadLetters.show(harness.stream.stream.name, 0, 1_000), undefined)
    })
  })

  test('a purge counts dead letters in a dry run, and then takes them out of lists and redrives', async () => {
    const harness = await open()
    await givenDeadLetters(harness)
    const deadLetters = deadLettersOf(harness)
    const filter = { stream: harness.stream.stream.name, code: 'UNKNOWN_TENANT' }
    const purge = (dryRun: boolean) =>
      every((cursor) =>
        deadLetters.purge({ filter, limit: 2, dryRun, by: 'key-1', ...(cursor !== undefined && { cursor }) }),
      )
    assert.equal((await purge(true)).length, 3)
    assert.equal((await list(deadLetters, { state: 'new' })).length, 5)
    assert.equal((await purge(false)).length, 3)
    assert.equal((await list(deadLetters, { state: 'new' })).length, 2)
    assert.equal((await list(deadLetters, { state: 'purged' })).length, 3)
    assert.deepEqual(await redrive(deadLettersOf(harness), asked(harness, { filter })), [])
  })
}
