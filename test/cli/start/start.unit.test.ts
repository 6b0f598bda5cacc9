import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { describe, test } from 'vitest'
import { liveTable, summaryLine } from '../../../src/cli/start/live-table.js'
import { runEngine } from '../../../src/cli/start/start.js'
import { loadConfig } from '../../../src/config/load.js'
import type { EngineOptions, EngineSnapshot, StartEngine } from '../../../src/contracts/engine.js'
import { EngineError } from '../../../src/base/errors.js'
import { screen, type Screen } from '../harness.js'

const snapshot: EngineSnapshot = {
  uptimeMs: 65_000,
  streams: [
    {
      name: 'attendance',
      eventsPerSecond: 98.4,
      p50Ms: 2.13,
      p95Ms: 14.6,
      lagRecords: 0,
      events: 12_345,
      duplicates: 3,
      deadLetters: 2,
      risks: { low: 12_000, medium: 320, high: 20 },
      version: 'attendance-1',
    },
    {
      name: 'sync',
      eventsPerSecond: 0,
      p50Ms: undefined,
      p95Ms: undefined,
      lagRecords: 7,
      events: 0,
      duplicates: 0,
      deadLetters: 0,
      risks: { low: 0, medium: 0, high: 0 },
      version: 'heuristic_v1',
    },
  ],
  warehouseLagRecords: 0,
  warehouseUp: true,
  rebuilds: [],
  stops: [],
}

const config = loadConfig({ variables: {}, flags: { 'scoring.commitIntervalMs': 250, 'warehouse.rawEvents': false } })

/** An engine that does nothing but tell what was done to it. */
function idle(failed: Promise<never> = new Promise(() => undefined)): {
  readonly start: StartEngine
  readonly stopped: () => number
  readonly options: () => EngineOptions
} {
  let stopped = 0
  let given: EngineOptions = {}
  return {
    start: async (_config, options = {}) => {
      given = options
      return {
        url: 'http://127.0.0.1:50123',
        demoKey: 'tm_demo',
        snapshot: () => snapshot,
        failed,
        query: async () => [],
        stop: async () => void (stopped += 1),
      }
    },
    stopped: () => stopped,
    options: () => given,
  }
}

/** Waits until the screen shows it. */
async function shows(terminal: Screen, pattern: RegExp): Promise<void> {
  while (!pattern.test(terminal.data() + terminal.said()))
    await Promise.race([once(terminal.out, 'data'), once(terminal.err, 'data')])
}

describe('start', () => {
  test('prints address, settings and key of the engine, and stops cleanly on Ctrl-C', async () => {
    const terminal = screen()
    const engine = idle()
    const running = runEngine(config, engine.start, terminal)
    await shows(terminal, /up 1 min 5 s/)
    terminal.interrupt()
    await running
    assert.equal(engine.stopped(), 1)
    for (const expected of [
      'http://127.0.0.1:50123/docs',
      '(port 8787 was taken)',
      'state commits every 250 ms',
      'raw events not stored',
      'tenants demo',
      'tm_demo',
    ])
      assert.ok(terminal.data().includes(expected), expected)
    assert.match(terminal.said(), /Stopping[\s\S]*Stopped after 1 min 5 s; all data is in /)
  })

  test('stops the engine and fails when a part fails for good', async () => {
    const terminal = screen()
    const engine = idle(Promise.reject(new EngineError('LOG_DAMAGED', 'segment 7')))
    await assert.rejects(runEngine(config, engine.start, terminal), /segment 7/)
    assert.equal(engine.stopped(), 1)
  })

  test('warns when there are no tenants', async () => {
    const terminal = screen()
    terminal.interrupt()
    await runEngine(loadConfig({ variables: {}, flags: { 'demo.enabled': false } }), idle().start, terminal)
    assert.match(terminal.said(), /The configuration names no tenant\. .*events of others become dead letters/)
  })

  test('prints log lines above the table: readable on a terminal, unchanged elsewhere', async () => {
    const line = `${JSON.stringify({ level: 40, msg: 'waiting', what: 'sync/0', err: { message: 'disk is full' } })}\n`
    for (const [terminal, expected] of [
      [screen('', { columns: 100 }), 'warning waiting: disk is full (what=sync/0)\n'],
      [screen(), line],
    ] as const) {
      const engine = idle()
      const running = runEngine(config, engine.start, terminal)
      await shows(terminal, /tm_demo/)
      engine.options().log!.write(line)
      terminal.interrupt()
      await running
      assert.ok(terminal.said().includes(expected))
    }
  })
})

describe('the live table', () => {
  test('has one line per stream, no wider than the terminal', () => {
    const lines = liveTable(snapshot, screen('', { columns: 60 })).split('\n')
    assert.ok(lines.every((line) => line.length <= 60))
    const wide = liveTable(snapshot, screen('', { columns: 200 }))
    assert.match(wide, /attendance +98 +2\.1 +15 +0 +12,000 +320 +20 +attendance-1 +3 +2/)
    assert.match(wide, /sync +0 +- +- +7 .*heuristic_v1/)
    assert.match(wide, /warehouse up to date/)
  })
  test('fits 80 columns: it leaves out what matters least and cuts nothing', () => {
    const [titles, row] = liveTable(
      { ...snapshot, streams: [{ ...snapshot.streams[0]!, name: 'meter-reading', version: 'meter-reading-12' }] },
      screen('', { columns: 80 }),
    )
      .trim()
      .split('\n')
    assert.match(titles!, /^stream +events\/s +p95 ms +lag +high +model version +dead letters$/)
    assert.match(row!, /^meter-reading +98 +15 +0 +20 +meter-reading-12 +2$/)
    const status = liveTable(snapshot, screen('', { columns: 80 }))
      .trim()
      .split('\n')
      .at(-1)!
    assert.ok(status.length <= 80)
    assert.match(status, /^up 1 min 5 s {3}98 events\/s {3}12,340 predictions {3}warehouse up to date$/)
  })
  test('shows that the warehouse is unreachable or behind', () => {
    assert.match(
      liveTable({ ...snapshot, warehouseUp: false }, screen('', { columns: 200 })),
      /warehouse unreachable, scoring continues/,
    )
    assert.match(summaryLine({ ...snapshot, warehouseLagRecords: 1_234 }), /warehouse 1,234 records behind$/)
  })
  test('is a line with a time where there is no terminal', async () => {
    const terminal = screen()
    const running = runEngine(config, idle().start, terminal)
    await shows(terminal, /up 1 min 5 s/)
    terminal.interrupt()
    await running
    assert.match(terminal.said(), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z up 1 min 5 s \| attendance 98\/s/m)
  })
  test('is one line in a log file', () => {
    assert.equal(
      summaryLine(snapshot),
      'up 1 min 5 s | attendance 98/s, p95 15 ms, lag 0, high 0.2 %, dead letters 2, attendance-1 | sync ' +
        '0/s, p95 - ms, lag 7, heuristic_v1 | warehouse up to date',
    )
  })
})
