import { strict as assert } from 'node:assert'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { engines, tidemill } from '../harness.js'

const engine = engines()

describe('sql', () => {
  test('sends the statement of the command line or of stdin, and prints a table or JSON', async () => {
    const rows = [
      { stream: 'sync', n: 12, reasons: ['a'] },
      { stream: 'attendance', n: 7, reasons: null },
    ]
    const { url, asked } = await engine(() => ({ body: { rows, more: true } }))
    const ran = await tidemill(['sql', 'SELECT 1', '--limit', '2', '--url', url, '--key', 'k'])
    assert.deepEqual(
      [ran.exit, ran.data, ran.said],
      [0, 'stream       n  reasons\nsync        12  ["a"]\nattendance   7  -\n', 'there are more; --limit is 2\n'],
    )
    assert.deepEqual(
      JSON.parse((await tidemill(['sql', '-', '--json', '--url', url, '--key', 'k'], 'SELECT 2')).data),
      { rows, more: true },
    )
    assert.deepEqual(
      asked.map(({ method, url: path, body }) => [method, path, body]),
      [
        ['POST', '/api/v2/sql', '{"sql":"SELECT 1","limit":2}'],
        ['POST', '/api/v2/sql', '{"sql":"SELECT 2","limit":1000}'],
      ],
    )
  })
})

test('sql --format writes the bytes that the engine answers, to standard output or a file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-sql-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const { url, asked } = await engine(() => ({ body: 'a,b' }))
  const call = (...more: readonly string[]) => tidemill(['sql', 'SELECT 1', '--url', url, '--key', 'k', ...more])
  assert.equal((await call('--format', 'CSV')).data, '"a,b"')
  const out = join(directory, 'answer.csv')
  assert.deepEqual([(await call('--format', 'CSV', '--out', out)).data, await readFile(out, 'utf8')], ['', '"a,b"'])
  assert.deepEqual(
    asked.map(({ body }) => body),
    Array(2).fill('{"sql":"SELECT 1","format":"CSV"}'),
  )
  assert.equal((await call('--out', out)).exit, 2)
  assert.match((await call('--format', 'xlsx')).said, /Allowed choices are CSV, TSV, JSONEachRow, Parquet/)
})

describe('predictions list', () => {
  const row = (id: number) => ({
    event_id: `e${id}`,
    tenant: 'acme',
    stream: 'attendance',
    origin: 'log',
    entity: 'ann',
    event_time: '2026-01-06T08:00:00.000Z',
    score: 0.91,
    risk: 'high',
    version: 'v1',
    reasons: ['speed_kmh'],
    outcome: null,
  })
  test('reads pages until the limit', async () => {
    const { url, asked } = await engine((_, times) => ({ body: { predictions: [row(times)], next: `c${times}` } }))
    const ran = await tidemill([
      'predictions',
      'list',
      '--limit',
      '3',
      '--risk',
      'high',
      '--json',
      '--url',
      url,
      '--key',
      'k',
    ])
    const page = JSON.parse(ran.data) as { predictions: { event_id: string }[]; next: string }
    assert.deepEqual([page.predictions.map((one) => one.event_id), page.next], [['e1', 'e2', 'e3'], 'c3'])
    assert.deepEqual(
      asked.map((one) => one.url),
      [
        '/api/v2/predictions?risk=high&limit=3',
        '/api/v2/predictions?risk=high&limit=2&cursor=c1',
        '/api/v2/predictions?risk=high&limit=1&cursor=c2',
      ],
    )
  })
  test('prints a table, and on standard error that there are more rows', async () => {
    const { url } = await engine(() => ({ body: { predictions: [row(1)], next: 'more' } }))
    const ran = await tidemill(['predictions', 'list', '--limit', '1', '--url', url, '--key', 'k'])
    assert.match(ran.data, /^event time .*\n2026-01-06T08:00:00 {2}attendance {2}acme {4}ann {5}0\.910 {2}high/)
    assert.match(ran.said, /there are more; --limit is 1/)
  })
})

test('features get encodes the parts of an id', async () => {
  const { url, asked } = await engine(() => ({
    body: { tenant: 'acme', at: 'now', features: { checkins_1h: 2, speed_kmh: null } },
  }))
  const ran = await tidemill([
    'features',
    'get',
    'sync',
    'record',
    'a,b',
    'c/d',
    '--tenant',
    'acme',
    '--url',
    url,
    '--key',
    'k',
  ])
  assert.equal(asked[0]!.url, '/api/v2/features/sync/record/a%2Cb,c%2Fd?tenant=acme')
  assert.equal(ran.data, 'feature      value\ncheckins_1h      2\nspeed_kmh        -\n')
})
