import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { isEngineError } from '../../../src/base/errors.js'
import { readDecision, type Decision, type NewDecision } from '../../../src/consumers/control/decision.js'
import type { Control } from '../../../src/consumers/control/follower.js'
import type { Fold } from '../../../src/consumers/control/fold.js'
import { foldRoutes, routesAt } from '../../../src/consumers/control/routes.js'
import { foldStops } from '../../../src/consumers/control/stops-fold.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { openLocalLog } from '../../../src/log/local/log.js'
import { refuseHalted } from '../../../src/scorers/routing.js'
import { follow, oldRecord } from '../control-harness.js'

async function openLog(): Promise<EventLog> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-control-'))
  const log = await openLocalLog({ directory, clock: systemClock, ephemeral: true })
  onTestFinished(async () => {
    await log.close()
    await rm(directory, { recursive: true, force: true })
  })
  await log.ensure({ topic: controlTopic.topic, partitions: 1 })
  return log
}

async function followed(log: EventLog, folds: readonly Fold[], report?: (message: string) => void): Promise<Control> {
  const control = await follow(log, folds, report === undefined ? {} : { report })
  onTestFinished(() => control.close())
  return control
}

/** A fold that records everything that it takes. */
function recorder(): Fold & { readonly taken: Decision[] } {
  const taken: Decision[] = []
  return { taken, take: (decision) => void taken.push(decision) }
}

const activate = (version: string, scope = 'global'): NewDecision => ({
  kind: 'activate',
  family: 'fraud',
  scope,
  version,
  by: 'ann',
  why: 'better',
})
const place = { reader: 'scoring', topic: 'doors', partition: 1 }
const lost = { topic: 'doors', from: 3, to: 9 }

describe('a decision', () => {
  test('names itself, its author, its reason, its time and what it replaces', async () => {
    const log = await openLog()
    const fold = recorder()
    const control = await followed(log, [fold])
    await control.decide(activate('v1'))
    await control.decide(activate('v2', 'acme'))
    await control.decide({ kind: 'deactivate', family: 'fraud', scope: 'global', by: 'bob', why: 'too many alarms' })
    const [first, second, third] = fold.taken
    assert.equal(new Set(fold.taken.map(({ id }) => id)).size, 3)
    assert.deepEqual([first!.replaces, second!.replaces, third!.replaces], [null, null, first!.id])
    assert.deepEqual([third!.by, third!.why], ['bob', 'too many alarms'])
    expect(Math.abs(third!.atMs - systemClock.nowMs())).toBeLessThan(60_000)
  })

  test('is in every fold of the process when `decide` resolves, and in every process that follows', async () => {
    const log = await openLog()
    const [here, elsewhere] = [recorder(), foldRoutes()]
    const other = await followed(log, [elsewhere])
    const control = await followed(log, [here, foldStops()])
    const position = await control.decide(activate('v1'))
    assert.equal(here.taken.length, 1)
    await other.until(() => other.position() >= position, new AbortController().signal)
    assert.equal(elsewhere.last('fraud', 'global')?.kind, 'activate')
  })

  test('that a retry appended twice counts once', async () => {
    const log = await openLog()
    const once = recorder()
    await (await followed(log, [once])).decide(activate('v1'))
    const reader = log.reader(controlTopic)
    const [record] = await reader.read(0, { records: 1, bytes: 1 }, new AbortController().signal)
    await log.append(controlTopic, [{ key: record!.key, value: record!.value }])
    await reader.close()
    const again = recorder()
    await followed(log, [again])
    assert.equal(again.taken.length, 1)
  })
})

describe('a control topic of an older version', () => {
  const records = [
    { kind: 'activate', family: 'fraud', scope: 'global', version: 'v1', by: 'bootstrap', why: 'bundled', atMs: 1 },
    { kind: 'stop', ...place, code: 'GAP', message: 'events are lost', lost, atMs: 2 },
    { kind: 'accept', ...place, code: 'GAP', lost, by: 'ann', why: 'known', atMs: 3 },
    { kind: 'stop', ...place, code: 'LOG_DAMAGED', message: 'a checksum fails', atMs: 4 },
    { kind: 'resume', ...place, atMs: 5 },
    {
      kind: 'replay',
      ...{ id: 'run-1', state: 'started', stream: 'doors', model: 'v2', fromMs: null, toMs: 9, rows: 0 },
      ...{ by: 'ann', why: 'a better rule', atMs: 6 },
    },
  ]

  test('is read as it is', async () => {
    const log = await openLog()
    await log.append(controlTopic, records.map(oldRecord))
    const [all, routes, stops] = [recorder(), foldRoutes(), foldStops()]
    await followed(log, [all, routes, stops], (message) => assert.fail(message))
    assert.deepEqual(
      all.taken.map(({ kind }) => kind),
      records.map(({ kind }) => kind),
    )
    assert.equal(routes.last('fraud', 'global')?.by, 'bootstrap')
    assert.deepEqual(stops.stopped(), [])
    assert.deepEqual(
      stops.accepted().map(({ by, position }) => [by, position]),
      [['ann', 3]],
    )
    const replay = all.taken.at(-1)!
    assert.ok(replay.kind === 'replay' && replay.replay === 'run-1' && replay.id === 'control/5')
  })

  test('is continued by new decisions, which name the older ones that they replace', async () => {
    const log = await openLog()
    await log.append(controlTopic, records.map(oldRecord))
    const all = recorder()
    await (await followed(log, [all])).decide(activate('v2'))
    assert.equal(all.taken.at(-1)!.replaces, 'control/0')
  })

  test('and a process of that version reads a new decision about models or partitions', async () => {
    const log = await openLog()
    const control = await followed(log, [])
    await control.decide(activate('v1'))
    const reader = log.reader(controlTopic)
    const [record] = await reader.read(0, { records: 1, bytes: 1 }, new AbortController().signal)
    await reader.close()
    const { kind, family, scope, version, by, why, atMs } = JSON.parse(record!.value!.toString()) as Record<
      string,
      unknown
    >
    assert.deepEqual(
      [kind, family, scope, version, by, why, typeof atMs],
      ['activate', 'fraud', 'global', 'v1', 'ann', 'better', 'number'],
    )
    assert.equal(record!.key!.toString(), 'fraud/global')
  })
})

describe('a decision of a newer version', () => {
  const split = { v: 1, kind: 'split', id: 'x', by: 'ann', why: 'try it', atMs: 1, replaces: null, share: 0.1 }

  test('about a model family stops its routing, here and in a replay, and no other', async () => {
    const log = await openLog()
    const routes = foldRoutes()
    const control = await followed(log, [routes])
    const before = await control.decide(activate('v1'))
    await log.append(controlTopic, [oldRecord({ ...split, family: 'fraud', scope: 'global' })])
    await control.until(() => control.position() > before, new AbortController().signal)
    const { halted } = routes.current()
    assert.throws(
      () => refuseHalted(halted, 'fraud'),
      (error) => isEngineError(error, 'UNKNOWN_DECISION') && /offset 1 .*fraud/.test(error.message),
    )
    refuseHalted(halted, 'sync')
    refuseHalted(halted, undefined)
    const tables = await routesAt(log, 'fraud', new Set([before]))
    assert.equal(tables.get(before)!.families.get('fraud')?.size, 1)
    await assert.rejects(routesAt(log, 'fraud', new Set([before + 1])), (error) =>
      isEngineError(error, 'UNKNOWN_DECISION'),
    )
  })

  test('that names no family is ignored by routing and reported', async () => {
    const log = await openLog()
    const reports: string[] = []
    const routes = foldRoutes()
    await log.append(controlTopic, [
      oldRecord({ ...split, kind: 'holiday', tenant: 'acme' }),
      { key: null, value: Buffer.from('{"kind":') },
      { key: null, value: null },
      oldRecord({ kind: 'activate', family: 7 }),
    ])
    await followed(log, [routes], (message) => void reports.push(message))
    assert.equal(routes.current().halted.size, 0)
    assert.equal(reports.length, 4)
    assert.match(reports[0]!, /offset 0.*'holiday'.*does not know/)
  })

  test('of a known kind with other fields is unknown, and none of its fields is used', () => {
    const read = readDecision({
      offset: 4,
      value: Buffer.from(JSON.stringify({ ...split, kind: 'activate', family: 'fraud' })),
    })
    assert.ok(read.is === 'unknown' && read.unknown.family === 'fraud' && read.unknown.kind === 'activate')
  })
})
