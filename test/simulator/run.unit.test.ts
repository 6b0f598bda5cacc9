import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import type { Clock } from '../../src/base/clock.js'
import { createWorld, simulate, type Progress, type Simulation } from '../../src/simulator/index.js'

const hourMs = 3_600_000
const nowMs = Date.UTC(2026, 0, 8, 12)

/** A clock that advances by the time of each sleep. */
function jumpingClock(): Clock & { now: number } {
  const clock = {
    now: nowMs,
    nowMs: () => clock.now,
    sleep: async (delayMs: number) => {
      clock.now += Math.max(1, delayMs)
    },
  }
  return clock
}

function simulation(changes: Partial<Simulation> = {}) {
  const clock = jumpingClock()
  const stop = new AbortController()
  const sent: { event_id: unknown; atMs: number }[] = []
  const outcomes: unknown[] = []
  const world = createWorld({ seed: 1, startMs: nowMs - 48 * hourMs, scale: 0.1 })
  const all: Simulation = {
    world,
    publish: async (_stream, events) =>
      void sent.push(...events.map((event) => ({ event_id: event['event_id'], atMs: clock.now }))),
    publishOutcomes: async (list) => void outcomes.push(...list),
    clock,
    signal: stop.signal,
    historyMs: 24 * hourMs,
    batch: 100,
    ...changes,
  }
  return { all, clock, stop, sent, outcomes }
}

const stopWhen = (stop: AbortController, when: (sent: Progress) => boolean) => (sent: Progress) => {
  if (when(sent)) stop.abort()
}

describe('a simulation', () => {
  test('sends the history at once and then new events, each event once', async () => {
    const { all, stop, sent, outcomes, clock } = simulation()
    await simulate({ ...all, progress: stopWhen(stop, ({ reachedMs }) => reachedMs > nowMs + hourMs) })
    const expected = [
      ...createWorld({ seed: 1, startMs: nowMs - 48 * hourMs, scale: 0.1 }).events(nowMs - 24 * hourMs, clock.now),
    ].map(({ event }) => event['event_id'])
    assert.deepEqual(new Set(sent.map(({ event_id }) => event_id)), new Set(expected))
    assert.equal(sent.length, expected.length)
    assert.ok(sent.filter(({ atMs }) => atMs === nowMs).length > 0.8 * sent.length)
    assert.ok(outcomes.length > 0)
  })

  test('keeps to the rate in the paced part', async () => {
    const { all, stop, sent } = simulation({ paced: { lastMs: 6 * hourMs, rate: 50 } })
    await simulate({
      ...all,
      progress: stopWhen(stop, () => sent.at(-1) !== undefined && sent.at(-1)!.atMs > nowMs + 10_000),
    })
    const paced = sent.filter(({ atMs }) => atMs > nowMs)
    const tookMs = paced.at(-1)!.atMs - nowMs
    assert.ok(Math.abs(paced.length / (tookMs / 1_000) - 50) < 5, `${paced.length} in ${tookMs} ms`)
  })

  test('repeats a failed call until it succeeds', async () => {
    let failures = 2
    const { all, stop, sent } = simulation()
    const notes: string[] = []
    const publish: Simulation['publish'] = async (stream, events) => {
      if (failures-- > 0) throw new Error('connection refused')
      await all.publish(stream, events)
    }
    await simulate({
      ...all,
      publish,
      retry: (failure) => notes.push(failure),
      progress: stopWhen(stop, ({ events }) => events > 1_000),
    })
    assert.deepEqual(notes, ['connection refused', 'connection refused'])
    assert.equal(new Set(sent.map(({ event_id }) => event_id)).size, sent.length)
  })

  test('ends with the failure when there is no `retry`', async () => {
    const { all } = simulation({ publish: async () => Promise.reject(new Error('connection refused')) })
    await assert.rejects(simulate(all), /connection refused/)
  })
})
