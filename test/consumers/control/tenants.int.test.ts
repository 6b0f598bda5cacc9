import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { isEngineError } from '../../../src/base/errors.js'
import { foldTenants, tenantsOfLog, type TenantsFold } from '../../../src/consumers/control/tenants.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { openLocalLog } from '../../../src/log/local/log.js'
import { oldRecord } from '../control-harness.js'
import { processWith } from '../tenants-harness.js'

async function openLog(): Promise<EventLog> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-tenants-'))
  const log = await openLocalLog({ directory, clock: systemClock, ephemeral: true })
  onTestFinished(async () => {
    await log.close()
    await rm(directory, { recursive: true, force: true })
  })
  await log.ensure({ topic: controlTopic.topic, partitions: 1 })
  return log
}

const end = async (log: EventLog): Promise<number> => (await log.bounds(controlTopic)).next

const knownAt = (fold: TenantsFold, position: number, ...names: readonly string[]): string => {
  const known = fold.at(position)
  return names.filter((name) => known === 'any' || known.has(name)).join(' ')
}

describe('tenants that people add and remove', () => {
  test('are known from the position of the decision on, and the list names author and reason', async () => {
    const log = await openLog()
    const { add, remove, port, tenants } = await processWith(log, ['acme'])
    const before = await end(log)
    assert.equal((await add('globex')).changed, true)
    const between = await end(log)
    assert.equal((await remove('acme'))!.changed, true)
    const after = await end(log)
    assert.deepEqual(
      [before, between, after, 0, Infinity].map((position) => knownAt(tenants, position, 'acme', 'globex')),
      ['acme', 'acme globex', 'globex', 'acme', 'globex'],
    )
    assert.deepEqual(
      port.list().tenants.map(({ tenant, state, by, why }) => [tenant, state, by, why]),
      [
        ['acme', 'removed', 'ann', 'the contract ended'],
        ['globex', 'known', 'ann', 'a new customer'],
      ],
    )
    assert.deepEqual([port.isRemoved('acme'), port.isRemoved('globex'), port.isRemoved('other')], [true, false, false])
  })

  test('a decision that changes nothing is not recorded, and an unknown tenant cannot be removed', async () => {
    const log = await openLog()
    const { add, remove } = await processWith(log, ['acme'])
    const before = await end(log)
    assert.equal((await add('acme')).changed, false)
    assert.equal(await remove('nobody'), undefined)
    assert.equal(await end(log), before)
    await remove('acme')
    assert.equal((await remove('acme'))!.changed, false)
    assert.equal(await end(log), before + 1)
  })

  test.each(['', '*', 'a\u0001b', 'x'.repeat(129)])('%j is no tenant', async (name) => {
    const { add } = await processWith(await openLog(), [])
    await assert.rejects(add(name), (error) => isEngineError(error, 'BAD_REQUEST'))
  })
})

describe('the tenants of the configuration', () => {
  test('are one decision, also of several processes that start together', async () => {
    const log = await openLog()
    const processes = await Promise.all([1, 2, 3].map(() => processWith(log, ['globex', 'acme'])))
    const fold = await tenantsOfLog(log, [])
    assert.deepEqual(fold.configured()!.tenants, ['acme', 'globex'])
    assert.deepEqual([fold.configured()!.by, fold.configured()!.why], ['engine', 'configuration'])
    for (const { known } of processes) assert.deepEqual(known('acme', 'globex', 'other'), ['acme', 'globex'])
    const before = await end(log)
    await processWith(log, ['acme', 'globex'])
    assert.equal(await end(log), before)
    assert.equal(fold.lastChange(), 0)
  })

  test('that it names no longer are removed, and those that it names now are added', async () => {
    const log = await openLog()
    await processWith(log, ['acme', 'globex'])
    const { known } = await processWith(log, ['globex', 'initech'])
    assert.deepEqual(known('acme', 'globex', 'initech'), ['globex', 'initech'])
  })

  test('and that a person removed stay removed until the configuration changes about them', async () => {
    const log = await openLog()
    await (await processWith(log, ['acme', 'globex'])).remove('globex')
    const restarted = await processWith(log, ['acme', 'globex'])
    assert.deepEqual(restarted.known('acme', 'globex'), ['acme'])
    await processWith(log, ['acme'])
    const again = await processWith(log, ['acme', 'globex'])
    assert.deepEqual(again.known('acme', 'globex'), ['acme', 'globex'])
  })

  test('leave those alone that a person added', async () => {
    const log = await openLog()
    await (await processWith(log, ['acme'])).add('globex')
    const { known } = await processWith(log, ['initech'])
    assert.deepEqual(known('acme', 'globex', 'initech'), ['globex', 'initech'])
    const silent = await processWith(log, undefined)
    assert.deepEqual(silent.known('acme', 'globex', 'initech'), ['globex', 'initech'])
  })

  test('`any` knows every tenant but those that were removed; a list afterwards knows only its own', async () => {
    const log = await openLog()
    const { remove, known, tenants } = await processWith(log, 'any')
    assert.equal(tenants.at(Infinity), 'any')
    await remove('spam')
    assert.deepEqual(known('acme', 'spam'), ['acme'])
    const position = await end(log)
    const listed = await processWith(log, ['acme'])
    assert.deepEqual(listed.known('acme', 'globex', 'spam'), ['acme'])
    assert.equal(knownAt(listed.tenants, position, 'acme', 'globex', 'spam'), 'acme globex')
    const any = await processWith(log, 'any')
    assert.deepEqual(any.known('acme', 'globex', 'spam'), ['acme', 'globex'])
    const shorter = await processWith(log, [])
    assert.deepEqual(shorter.known('acme', 'globex', 'spam'), [])
  })
})

describe('a log from before tenants were decisions', () => {
  test('has the tenants of its reader, then those of its first configuration, from its beginning', async () => {
    const log = await openLog()
    await log.append(controlTopic, [oldRecord({ kind: 'deactivate', family: 'sync', scope: 'global', atMs: 1 })])
    assert.equal(knownAt(await tenantsOfLog(log, ['acme']), 1, 'acme', 'globex'), 'acme')
    await processWith(log, ['globex'])
    assert.equal(knownAt(await tenantsOfLog(log, ['acme']), 1, 'acme', 'globex'), 'globex')
  })

  test('keeps what people decided before its first configuration', async () => {
    const log = await openLog()
    const early = await processWith(log, undefined)
    await early.add('initech')
    const position = await end(log)
    await processWith(log, ['acme'])
    const fold = await tenantsOfLog(log, [])
    assert.equal(knownAt(fold, position - 1, 'acme', 'initech'), 'acme')
    assert.equal(knownAt(fold, position, 'acme', 'initech'), 'acme initech')
  })
})

test('a decision about tenants that this build cannot read stops those that need it', async () => {
  const log = await openLog()
  const { tenants } = await processWith(log, ['acme'])
  const before = await end(log)
  const newer = { v: 2, id: 'x', by: 'ann', why: 'try it', atMs: 1, replaces: null, until: 'friday' }
  await log.append(controlTopic, [oldRecord({ ...newer, kind: 'admit' })])
  const fold = await tenantsOfLog(log, [])
  assert.equal(knownAt(fold, before, 'acme'), 'acme')
  assert.throws(
    () => fold.at(Infinity),
    (error) => isEngineError(error, 'UNKNOWN_DECISION'),
  )
  assert.equal(foldTenants(['acme']).lastChange(), 0)
  assert.equal(knownAt(tenants, before, 'acme'), 'acme')
})
