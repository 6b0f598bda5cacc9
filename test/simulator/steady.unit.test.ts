import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { createWorld, type Happening, type Moment, type Outcome } from '../../src/simulator/index.js'
import { steadyWorld } from '../../src/simulator/steady.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** A Thursday, shortly before midnight UTC: most companies of the world sleep. */
const nowMs = Date.UTC(2026, 0, 8, 23)

const play = (rate: number, lengthMs: number, stepMs = lengthMs): Moment[] => {
  const world = steadyWorld(createWorld({ seed: 1, startMs: nowMs - dayMs, patterns: 'testing' }), rate, nowMs)
  const played: Moment[] = []
  for (let atMs = nowMs; atMs < nowMs + lengthMs; atMs += stepMs)
    for (const moment of world.timeline(atMs, atMs + stepMs)) played.push(moment)
  return played
}
const eventsOf = (moments: readonly Moment[]): Happening[] =>
  moments.flatMap((moment) => (moment.is === 'event' ? [moment.happening] : []))
const outcomesOf = (moments: readonly Moment[]): Outcome[] =>
  moments.flatMap((moment) => (moment.is === 'outcome' ? [moment.outcome] : []))
const idOf = ({ event }: Happening): unknown => event['event_id']
const timeOf = ({ event }: Happening): number =>
  Number(event['occurred_at'] ?? event['measured_at'] ?? event['read_at'] ?? event['synced_at'])

describe('a steady world', () => {
  test.each([0.5, 20, 150])('sends %d events per second in each minute of ten, whatever hour it is', (rate) => {
    const minutes = Array.from({ length: 10 }, () => 0)
    for (const { atMs } of eventsOf(play(rate, 10 * minuteMs))) minutes[Math.floor((atMs - nowMs) / minuteMs)]!++
    for (const count of minutes) assert.ok(Math.abs(count - rate * 60) <= 10 + 0.01 * rate * 60, minutes.join(' '))
  })

  const moments = play(60, hourMs)
  const events = eventsOf(moments)

  test('sends each event once, in order of arrival, and none from the future', () => {
    assert.equal(new Set(events.map(idOf)).size, events.length)
    let before = nowMs
    for (const { atMs } of events) {
      assert.ok(atMs >= before && atMs < nowMs + hourMs)
      before = atMs
    }
    for (const happening of events) assert.ok(timeOf(happening) <= happening.atMs)
  })

  test('is the same for every division of its time', () => {
    assert.deepEqual(eventsOf(play(20, 2 * minuteMs, 200)), eventsOf(play(20, 2 * minuteMs)))
  })

  test('keeps the people of each copy in one time zone, at hours when people work', () => {
    const zones = new Map<unknown, unknown>()
    const hours = Array.from({ length: 24 }, () => 0)
    for (const { stream, event, atMs } of events) {
      if (stream !== 'attendance') continue
      const [person, offset] = [
        `${String(event['tenant_id'])} ${String(event['person_id'])}`,
        Number(event['utc_offset_min']),
      ]
      assert.equal(zones.get(person) ?? offset, offset)
      zones.set(person, offset)
      assert.ok(Math.abs(offset) <= 720)
      hours[new Date(atMs + offset * minuteMs).getUTCHours()]!++
    }
    const sum = (from: number, to: number): number => hours.slice(from, to).reduce((a, b) => a + b, 0)
    assert.ok(sum(6, 10) > 3 * sum(0, 4), hours.join(' '))
  })

  test('reports outcomes of events that it sent', () => {
    const sent = new Set(events.map(idOf))
    const ofCopies = outcomesOf(moments).filter(({ event_id }) => event_id.includes('.'))
    assert.ok(ofCopies.length > 10, `${ofCopies.length}`)
    for (const { event_id } of ofCopies) assert.ok(sent.has(event_id), event_id)
  })
})
