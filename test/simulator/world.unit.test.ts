import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avsc, { type Schema } from 'avsc'
import { describe, test } from 'vitest'
import {
  createWorld,
  demoTenants,
  type Happening,
  type Outcome,
  type Scheme,
  type StreamName,
  type WorldOptions,
} from '../../src/simulator/index.js'

const dayMs = 86_400_000
const startMs = Date.UTC(2026, 0, 5, 9, 30)
const small: WorldOptions = { seed: 1, startMs, scale: 0.1 }

const play = (options: WorldOptions, days: number): Happening[] => [
  ...createWorld(options).events(options.startMs, options.startMs + days * dayMs),
]
const hashOf = (happenings: Iterable<unknown>): string => {
  const hash = createHash('sha256')
  for (const happening of happenings) hash.update(JSON.stringify(happening))
  return hash.digest('hex')
}

/** Per stream the share of events that are not genuine, and the number of events of each scheme. */
function planted(
  options: WorldOptions,
  days: number,
): { readonly share: (stream: StreamName) => number; readonly schemes: ReadonlyMap<Scheme, number> } {
  const world = createWorld(options)
  const all = new Map<StreamName, number>()
  const wrong = new Map<StreamName, number>()
  const schemes = new Map<Scheme, number>()
  for (const { stream, event } of world.events(options.startMs, options.startMs + days * dayMs)) {
    all.set(stream, (all.get(stream) ?? 0) + 1)
    const scheme = world.truthOf(event)
    if (scheme === undefined) continue
    wrong.set(stream, (wrong.get(stream) ?? 0) + 1)
    schemes.set(scheme, (schemes.get(scheme) ?? 0) + 1)
  }
  return { share: (stream) => (wrong.get(stream) ?? 0) / all.get(stream)!, schemes }
}

describe('a world', () => {
  test('is the same, byte for byte, for the same seed, and different for another seed', () => {
    const once = hashOf(play(small, 4))
    assert.equal(hashOf(play(small, 4)), once)
    assert.notEqual(hashOf(play({ ...small, seed: 2 }, 4)), once)
  })

  test('is the same for every division of its time, and when it is played again from the start', () => {
    const whole = play(small, 3)
    const world = createWorld(small)
    const sliced: Happening[] = []
    for (let atMs = startMs; atMs < startMs + 3 * dayMs; atMs += 7_200_000)
      sliced.push(...world.events(atMs, Math.min(atMs + 7_200_000, startMs + 3 * dayMs)))
    assert.equal(hashOf(sliced), hashOf(whole))
    assert.equal(hashOf(world.events(startMs, startMs + 3 * dayMs)), hashOf(whole))
  })

  test('continues with the next event after a reader stopped early', () => {
    const world = createWorld(small)
    const first: Happening[] = []
    for (const happening of world.events(startMs, startMs + dayMs)) {
      first.push(happening)
      if (first.length === 500) break
    }
    const untilMs = first.at(-1)!.atMs
    const rest = [...world.events(untilMs + 1, startMs + dayMs)]
    const whole = play(small, 1)
    assert.deepEqual(
      rest,
      whole.filter(({ atMs }) => atMs > untilMs),
    )
  })

  test('yields events in order of arrival, with unique ids, that fit the schemas', () => {
    const types = new Map(
      ['attendance', 'meter-reading', 'sync', 'infra-metric'].map((name) => [
        name,
        avsc.Type.forSchema(JSON.parse(readFileSync(`schemas/${name}.avsc`, 'utf8')) as Schema),
      ]),
    )
    const ids = new Set<string>()
    let lastMs = 0
    const happenings = play(small, 3)
    for (const { stream, atMs, event } of happenings) {
      assert.ok(atMs >= lastMs)
      lastMs = atMs
      const id = String(event['event_id'])
      assert.ok(!ids.has(id), id)
      ids.add(id)
      assert.ok(types.get(stream)!.isValid(event, { errorHook: (path) => assert.fail(`${stream}: ${path.join('.')}`) }))
    }
    assert.deepEqual(new Set(happenings.map(({ stream }) => stream)), new Set(types.keys()))
    assert.deepEqual(new Set(happenings.map(({ event }) => event['tenant_id'])), new Set(demoTenants))
  })

  test('never repeats an id in runs that start at other times', () => {
    const ids = (options: WorldOptions): Set<unknown> => new Set(play(options, 1).map(({ event }) => event['event_id']))
    const later = ids({ ...small, startMs: startMs + dayMs })
    assert.ok([...ids(small)].every((id) => !later.has(id)))
  })

  test('never dates an event after its arrival', () => {
    for (const { stream, atMs, event } of play(small, 3)) {
      const timeMs = Number(
        event[
          { attendance: 'occurred_at', 'meter-reading': 'read_at', sync: 'synced_at', 'infra-metric': 'measured_at' }[
            stream
          ]
        ],
      )
      assert.ok(timeMs <= atMs, `${stream} ${timeMs} ${atMs}`)
    }
  })
})

describe('a scheme', () => {
  for (const [seed, patterns] of [
    [3, 'training'],
    [4, 'testing'],
    [5, 'testing'],
  ] as const)
    test(`is rare: fraud, conflicts and incidents of ${patterns} world ${seed}`, () => {
      const { share, schemes } = planted({ seed, startMs, scale: 0.4, patterns }, 8)
      const within = (stream: StreamName, low: number, high: number): void =>
        assert.ok(share(stream) > low && share(stream) < high, `${stream}: ${share(stream)}`)
      within('attendance', 0.005, 0.02)
      within('sync', 0.02, 0.08)
      within('meter-reading', 0.01, 0.08)
      // Leaks last for days, and every sample in that time belongs to an incident.
      within('infra-metric', 0, 0.02)
      assert.equal(schemes.has('relay-service'), patterns === 'testing', 'one pattern is in testing worlds only')
    })

  test('drift changes the world only after its start', () => {
    const drifting = { ...small, drift: { fromMs: startMs + 2 * dayMs, overMs: dayMs } }
    const accuracyOf = (happenings: readonly Happening[]): number => {
      const claims = happenings
        .map(({ event }) => event['accuracy_m'])
        .filter((claim) => typeof claim === 'number')
        .sort((a, b) => a - b)
      return claims[Math.floor(claims.length / 2)]!
    }
    assert.equal(hashOf(play(drifting, 1)), hashOf(play(small, 1)))
    const late = (options: WorldOptions): Happening[] =>
      play(options, 6).filter(({ atMs }) => atMs > startMs + 3.5 * dayMs)
    assert.ok(accuracyOf(late(drifting)) < 0.8 * accuracyOf(late(small)))
  })

  test('outcomes arrive late, only for some events, and are mostly right', () => {
    const world = createWorld({ seed: 6, startMs, scale: 0.3 })
    const arrivals = new Map<string, number>()
    const wrong = new Set<string>()
    const outcomes: Outcome[] = []
    for (const moment of world.timeline(startMs, startMs + 12 * dayMs)) {
      if (moment.is === 'outcome') outcomes.push(moment.outcome)
      else {
        const { event, atMs } = moment.happening
        const id = `${String(event['tenant_id'])} ${String(event['event_id'])}`
        arrivals.set(id, atMs)
        if (world.truthOf(event) !== undefined) wrong.add(id)
      }
    }
    const keyOf = ({ tenant_id, event_id }: Outcome): string => `${tenant_id} ${event_id}`
    assert.ok(outcomes.length > 100)
    assert.ok(outcomes.every((outcome) => outcome.atMs > arrivals.get(keyOf(outcome))!))
    const found = outcomes.filter(({ label }) => label === 1)
    assert.ok(found.every((outcome) => wrong.has(keyOf(outcome))))
    assert.ok(found.length < 0.95 * wrong.size)
    const cleared = outcomes.filter((outcome) => outcome.label === 0 && wrong.has(keyOf(outcome)))
    assert.ok(cleared.length < 0.05 * found.length)
  })
})
