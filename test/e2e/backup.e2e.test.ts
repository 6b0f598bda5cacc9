import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths } from '../../src/config/load.js'
import { createWorld } from '../../src/simulator/index.js'
import { tidemill } from '../cli/harness.js'
import { engineProcess } from './engine-process.js'

const hourMs = 3_600_000
const batch = 20

interface Batch {
  readonly stream: string
  readonly events: readonly { readonly event_id: string }[]
}

/** Simulated weekdays, in batches, as producers send them. */
function* batchesOfDays(): Generator<Batch> {
  const startMs = Math.floor(Date.now() / (24 * hourMs)) * 24 * hourMs - 4 * 24 * hourMs
  const waiting = new Map<string, { event_id: string }[]>()
  for (const { stream, event } of createWorld({ seed: 11, startMs, patterns: 'training', people: 150 }).events(
    startMs,
    startMs + 4 * 24 * hourMs,
  )) {
    const events = waiting.get(stream) ?? []
    waiting.set(stream, events)
    if (events.push(event as { event_id: string }) === batch) yield { stream, events: events.splice(0) }
  }
}

describe('a backup', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-backup-'))
    return () => rm(directory, { recursive: true, force: true })
  })

  const settings = { tenants: 'any', demo: { enabled: false } }

  async function send(url: string, key: string, { stream, events }: Batch): Promise<void> {
    const answer = await fetch(`${url}/api/v2/events/${stream}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
    })
    assert.equal(answer.status, 200, await answer.text())
  }

  async function rows(url: string, key: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { exit, data, said } = await tidemill(['sql', sql, '--url', url, '--key', key, '--limit', '10000', '--json'])
    assert.equal(exit, 0, said)
    return (JSON.parse(data) as { rows: Record<string, unknown>[] }).rows
  }

  /** Everything that a prediction says, once as many are stored. */
  async function predictions(url: string, key: string, count: number): Promise<readonly object[]> {
    for (;;) {
      const found = await rows(
        url,
        key,
        'SELECT event_id, score, risk, version, served_by, reasons, vector FROM predictions_final WHERE role ' +
          `= 'served' AND kind = 'prediction' ORDER BY event_id`,
      )
      if (found.length >= count) return found
      await systemClock.sleep(100)
    }
  }

  test(
    'that was taken while events flow in brings another machine to where this one was, and it goes on the same',
    { timeout: 120_000 },
    async () => {
      const here = await engineProcess({}, join(directory, 'here'), settings)
      const data = join(directory, 'here', 'data')
      const { key } = await openKeys(dataPaths(data).keys, systemClock).create({
        name: 'test',
        tenant: '*',
        scopes: ['events:write', 'read', 'admin'],
      })
      const sent: Batch[] = []
      let done = Infinity
      const sending = (async (): Promise<void> => {
        for (const one of batchesOfDays()) {
          await send(here.url, key, one)
          if (sent.push(one) > done + 20) break
        }
      })()
      while (sent.length < 20) await systemClock.sleep(5)
      const begun = sent.length
      const created = await tidemill([
        'backup',
        'create',
        '--data',
        data,
        '--to',
        join(directory, 'backups'),
        '--name',
        'flowing',
        '--json',
      ])
      done = sent.length
      await sending
      assert.equal(created.exit, 0, created.said)
      const { backup, source } = JSON.parse(created.data) as { backup: string; source: { running: boolean } }
      assert.equal(source.running, true)
      assert.ok(begun < done, 'events flowed meanwhile')

      const elsewhere = join(directory, 'elsewhere', 'data')
      const restored = await tidemill(['backup', 'restore', backup, '--data', elsewhere])
      assert.equal(restored.exit, 0, restored.said)
      const there = await engineProcess({}, join(directory, 'elsewhere'), settings)
      const inBackup = await predictions(there.url, key, begun * batch)
      const ids = new Set(inBackup.map((one) => (one as { event_id: string }).event_id))
      for (const { events } of sent.slice(0, begun))
        for (const event of events) assert.ok(ids.has(event.event_id), `${event.event_id} was acknowledged before`)

      // What came after the backup comes again from the producers, and what they are not sure of.
      for (const one of sent) await send(there.url, key, one)
      const all = sent.length * batch
      assert.deepEqual(await predictions(there.url, key, all), await predictions(here.url, key, all))
      assert.ok(inBackup.length < all)

      const named = async (where: string): Promise<unknown> =>
        (JSON.parse((await tidemill(['keys', 'list', '--data', where, '--json'])).data) as { keys: unknown }).keys
      assert.deepEqual(await named(elsewhere), await named(data))
      const serving = async (url: string): Promise<unknown> =>
        JSON.parse((await tidemill(['streams', 'list', '--url', url, '--key', key, '--json'])).data) as unknown
      assert.deepEqual(await serving(there.url), await serving(here.url))
      assert.equal(await here.end('SIGTERM'), 0)
      assert.equal(await there.end('SIGTERM'), 0)
    },
  )
})
