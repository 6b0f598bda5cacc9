import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { limits } from '../../../src/base/limits.js'
import { engines, tidemill, type Given } from '../harness.js'

const engine = engines()

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

  test('prints the line of each refusal, sends the rest, and fails', async () => {
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

  test('waits for a busy engine and repeats the request', async () => {
    const { url, asked } = await engine(({ body }, times) =>
      times < 3 ? { status: 503, body: {}, headers: { 'retry-after': '0' } } : acknowledge(body),
    )
    assert.equal((await tidemill(['produce', '--stream', 'sync', '--url', url, '--key', 'k'], '{"n":1}\n')).exit, 0)
    assert.deepEqual(
      asked.map((one) => one.body),
      ['{"n":1}', '{"n":1}', '{"n":1}'],
    )
  })

  test('refuses a line that is larger than any request, and sends the others', async () => {
    const { url, asked } = await engine(({ body }) => acknowledge(body))
    const large = `{"n":"${'x'.repeat(limits.apiBodyBytes)}"}`
    const ran = await tidemill(
      ['produce', '--stream', 'sync', '--url', url, '--key', 'k'],
      `{"n":1}\n${large}\n{"n":3}`,
    )
    assert.equal(ran.exit, 1)
    assert.match(ran.said, /line 2: the line has \d+ bytes \[TOO_LARGE\]/)
    assert.deepEqual(
      asked.map((one) => one.body),
      ['{"n":1}', '{"n":3}'],
    )
  })

  test('fails when the file does not exist', async () => {
    const { url } = await engine(({ body }) => acknowledge(body))
    const ran = await tidemill(['produce', 'none.ndjson', '--stream', 'sync', '--url', url, '--key', 'k'])
    assert.equal(ran.exit, 1)
    assert.match(ran.said, /^error: ENOENT: no such file or directory, open 'none\.ndjson'\n$/)
  })
})
