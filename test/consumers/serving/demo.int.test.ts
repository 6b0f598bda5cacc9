import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { startDemo } from '../../../src/consumers/serving/demo.js'
import type { ScoringPort } from '../../../src/contracts/scoring.js'

const minuteMs = 60_000
const streams = new Set(['attendance', 'meter-reading', 'sync', 'infra-metric'])
const rate = 60
const onRetry = (why: string): void => assert.fail(why)

/** An engine that takes everything, on a clock that each sleep of the demo advances; it counts events by minute. */
function engineAt(nowMs: number) {
  const minutes: number[] = []
  const ids = new Set<unknown>()
  const waiting: { readonly untilMs: number; readonly resolve: () => void }[] = []
  const clock: Clock & { now: number } = {
    now: nowMs,
    nowMs: () => clock.now,
    async sleep(delayMs) {
      clock.now += Math.max(1, delayMs)
      for (const { untilMs, resolve } of waiting) if (clock.now >= untilMs) resolve()
      // Lets the test stop the demo.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  const port = {
    ingest(_stream: string, events: readonly Record<string, unknown>[]) {
      const minute = Math.floor((clock.now - nowMs) / minuteMs)
      minutes[minute] = (minutes[minute] ?? 0) + events.length
      for (const event of events) {
        ids.add(event['event_id'])
        assert.ok(Number(event['occurred_at'] ?? event['measured_at'] ?? 0) <= clock.now, 'an event from the future')
      }
      return Promise.resolve(events.map(() => ({ topic: '', partition: 0, offset: 0n })))
    },
    appendOutcomes: () => Promise.resolve(),
  } as unknown as ScoringPort
  const until = (untilMs: number): Promise<void> => new Promise((resolve) => void waiting.push({ untilMs, resolve }))
  return { clock, port, minutes, ids, until }
}

/** Every whole minute has the events of the rate. */
function holds(minutes: readonly number[], whole: number): void {
  for (let minute = 0; minute < whole; minute++)
    assert.ok(
      Math.abs((minutes[minute] ?? 0) - rate * 60) < 0.03 * rate * 60,
      `minute ${minute} of ${minutes.join(' ')}`,
    )
}

describe('the demo', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-demo-'))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test('holds its rate for 30 minutes, long after its history, and again after a restart', async () => {
    const startMs = Date.UTC(2026, 0, 8, 12)
    const options = { streams, rate, place: join(directory, 'demo.json'), onRetry }
    const first = engineAt(startMs)
    const demo = await startDemo({ ...options, port: first.port, clock: first.clock })
    await Promise.race([first.until(startMs + 30 * minuteMs), demo.failed])
    await demo.close()
    holds(first.minutes, 30)

    const restartedMs = first.clock.now + 20 * minuteMs
    const second = engineAt(restartedMs)
    const again = await startDemo({ ...options, port: second.port, clock: second.clock })
    await Promise.race([second.until(restartedMs + 10 * minuteMs), again.failed])
    await again.close()
    holds(second.minutes, 10)
    assert.equal(new Set([...first.ids, ...second.ids]).size, first.ids.size + second.ids.size)
  })

  test('continues at its rate after the machine slept, and does not make up for the hours', async () => {
    const startMs = Date.UTC(2026, 0, 8, 12)
    const { clock, port, minutes, until } = engineAt(startMs)
    const place = join(directory, 'slept.json')
    const demo = await startDemo({ streams, rate, place, onRetry, port, clock })
    await Promise.race([until(startMs + 10 * minuteMs), demo.failed])
    clock.now += 8 * 60 * minuteMs
    await Promise.race([until(startMs + (8 * 60 + 20) * minuteMs), demo.failed])
    await demo.close()
    holds(minutes.slice(8 * 60 + 11), 9)
  })
})
