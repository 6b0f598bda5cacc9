import { strict as assert } from 'node:assert'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { dataPaths } from '../../../src/config/load.js'
import { lockDirectory } from '../../../src/base/lock.js'
import { answering, tidemill, type Given } from '../harness.js'

const closing: (() => void)[] = []
afterAll(() => closing.forEach((close) => close()))

async function engine(answer: Parameters<typeof answering>[0]): ReturnType<typeof answering> {
  const started = await answering(answer)
  closing.push(() => started.close())
  return started
}

const directory = (): string => mkdtempSync(join(tmpdir(), 'tidemill-cli-'))
const noPredictions = (): Given => ({ body: { predictions: [], next: null } })

describe('finding the engine', () => {
  test('in the data directory, by its lock and its demo key', async () => {
    const data = directory()
    const { url, asked } = await engine(noPredictions)
    const lock = await lockDirectory(data, { pid: process.pid, startedAt: 'now' })
    await lock.update({ url })
    writeFileSync(dataPaths(data).demoKey, 'tm_demo\n')
    assert.equal((await tidemill(['predictions', 'list', '--data', data])).exit, 0)
    assert.equal(asked[0]!.key, 'tm_demo')
    await lock.release()
  })

  test('where none runs says what to do, with exit code 4', async () => {
    const data = directory()
    const ran = await tidemill(['streams', 'list', '--data', data])
    assert.equal(ran.exit, 4)
    assert.match(ran.said, /no engine is running in .*; start one with 'tidemill start'/)
  })

  test('at an address where nobody answers, with exit code 4', async () => {
    const gone = await answering(noPredictions)
    gone.close()
    const ran = await tidemill(['streams', 'list', '--url', gone.url, '--key', 'k'])
    assert.equal(ran.exit, 4)
    assert.match(ran.said, /does not answer \(.*ECONNREFUSED/)
  })

  test('of a cluster, at the address that the configuration gives its API', async () => {
    const { url, asked } = await engine(noPredictions)
    const config = join(directory(), 'cluster.yaml')
    const at = (port: string | number): void =>
      writeFileSync(
        config,
        `preset: cluster\napi: { host: 0.0.0.0, port: ${port} }\nkafka: { brokers: ['kafka:9092'] }\n`,
      )
    at(new URL(url).port)
    const found = await tidemill(['predictions', 'list', '--config', config, '--key', 'k'])
    assert.deepEqual([found.exit, asked.length], [0, 1], found.said)
    at(1)
    const gone = await tidemill(['predictions', 'list', '--config', config, '--key', 'k'])
    assert.equal(gone.exit, 4)
    assert.match(
      gone.said,
      /http:\/\/127\.0\.0\.1:1 does not answer .*That is where the configuration puts the API.*--url or TIDEMILL_URL/,
    )
    at(0)
    const free = await tidemill(['predictions', 'list', '--config', config, '--key', 'k'])
    assert.deepEqual([free.exit, /--url or TIDEMILL_URL/.test(free.said)], [2, true])
  })

  test('without a key is a mistake in the command line', async () => {
    const { url, asked } = await engine(noPredictions)
    const ran = await tidemill(['streams', 'list', '--url', url, '--data', directory()])
    assert.equal(ran.exit, 2)
    assert.match(ran.said, /no API key; give one with --key or TIDEMILL_KEY/)
    assert.equal(asked.length, 0)
  })

  test('an address that is none is a mistake too', async () => {
    assert.equal((await tidemill(['streams', 'list', '--url', 'nowhere', '--key', 'k'])).exit, 2)
  })
})

describe('an answer that is no', () => {
  const problem = {
    title: 'Not allowed',
    status: 403,
    detail: 'This key has nothing here.',
    code: 'FORBIDDEN',
    instance: 'urn:x',
  }
  test('is told in the words of the engine', async () => {
    const { url } = await engine(() => ({ status: 403, body: problem }))
    const ran = await tidemill(['predictions', 'get', 'e1', '--url', url, '--key', 'k'])
    assert.deepEqual(
      [ran.exit, ran.said],
      [1, 'error: the engine answered 403 FORBIDDEN: This key has nothing here.\n'],
    )
  })
  test('names the fields, and on a defect the occurrence', async () => {
    const { url } = await engine(() => ({
      status: 500,
      body: { ...problem, status: 500, code: 'INTERNAL', errors: [{ field: 'from', message: 'is no time' }] },
    }))
    const ran = await tidemill(['predictions', 'list', '--url', url, '--key', 'k'])
    assert.match(ran.said, /\n {2}from: is no time\n {2}id in the engine's log: urn:x/)
  })
})

describe('sql', () => {
  test('asks with the statement of the command line or of stdin, and shows a table or JSON', async () => {
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
  test('follows the pages until there are as many as wanted', async () => {
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
  test('shows a table, and what it left out on the other stream', async () => {
    const { url } = await engine(() => ({ body: { predictions: [row(1)], next: 'more' } }))
    const ran = await tidemill(['predictions', 'list', '--limit', '1', '--url', url, '--key', 'k'])
    assert.match(ran.data, /^event time .*\n2026-01-06T08:00:00 {2}attendance {2}acme {4}ann {5}0\.910 {2}high/)
    assert.match(ran.said, /there are more; --limit is 1/)
  })
})

test('features get writes the parts of an id so that the engine reads the same', async () => {
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

describe('produce', () => {
  const acknowledge = (body: string): Given => {
    const results = body
      .split('\n')
      .map((line) =>
        line.includes('bad')
          ? { error: { code: 'BAD_FIELD', message: 'is wrong', field: 'lat' } }
          : { event_id: 'e', partition: 0, offset: 0 },
      )
    const rejected = results.filter((result) => 'error' in result).length
    return { status: rejected === 0 ? 200 : rejected === results.length ? 422 : 207, body: { results } }
  }

  test('sends lines in order, in batches', async () => {
    const { url, asked } = await engine(({ body }) => acknowledge(body))
    const ran = await tidemill(
      ['produce', '--stream', 'sync', '--batch', '2', '--json', '--url', url, '--key', 'k'],
      '{"n":1}\n\n{"n":2}\r\n{"n":3}',
    )
    assert.deepEqual(
      asked.map((one) => one.body),
      ['{"n":1}\n{"n":2}', '{"n":3}'],
    )
    const { accepted, rejected } = JSON.parse(ran.data) as { accepted: number; rejected: number }
    assert.deepEqual([ran.exit, accepted, rejected], [0, 3, 0])
  })

  test('names the line of each refusal, sends the rest, and fails', async () => {
    const { url } = await engine(({ body }) => acknowledge(body))
    const ran = await tidemill(
      ['produce', '--stream', 'sync', '--batch', '2', '--url', url, '--key', 'k'],
      '{"n":1}\n{"bad":2}\n\n{"bad":4}\n{"bad":5}\n',
    )
    assert.equal(ran.exit, 1)
    assert.match(
      ran.said,
      /line 2: lat: is wrong \[BAD_FIELD\]\nline 4: [^\n]+\nline 5: [^\n]+\n1 events acknowledged, 3 refused/,
    )
  })

  test('waits for a busy engine and sends the same again', async () => {
    const { url, asked } = await engine(({ body }, times) =>
      times < 3 ? { status: 503, body: {}, headers: { 'retry-after': '0' } } : acknowledge(body),
    )
    assert.equal((await tidemill(['produce', '--stream', 'sync', '--url', url, '--key', 'k'], '{"n":1}\n')).exit, 0)
    assert.deepEqual(
      asked.map((one) => one.body),
      ['{"n":1}', '{"n":1}', '{"n":1}'],
    )
  })

  test('of a file that is not there says so', async () => {
    const { url } = await engine(({ body }) => acknowledge(body))
    const ran = await tidemill(['produce', 'none.ndjson', '--stream', 'sync', '--url', url, '--key', 'k'])
    assert.equal(ran.exit, 1)
    assert.match(ran.said, /^error: ENOENT: no such file or directory, open 'none\.ndjson'\n$/)
  })
})
