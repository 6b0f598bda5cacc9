import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { engines, tidemill, type Asked, type Given } from '../harness.js'

const engine = engines()

const deadLetter = (position: number, given: object = {}) => ({
  id: `visit/0/${position}`,
  stream: 'visit',
  partition: 0,
  offset: 100 + position,
  time: '2026-01-06T08:00:00.000Z',
  code: 'BAD_JSON',
  stage: 'decode',
  reason: 'it ends\ntoo early',
  version: '0.1.0 abc',
  attempts: 0,
  origin: 100 + position,
  tenant: null,
  event_id: null,
  bytes: 1,
  state: 'new',
  ...given,
})
const bodies = (asked: readonly Asked[]): readonly Record<string, unknown>[] =>
  asked.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
const at = (url: string): string[] => ['--url', url, '--key', 'k']

describe('tidemill dlq list', () => {
  test('lists new dead letters page by page, as a table or JSON', async () => {
    const { url, asked } = await engine(({ url: path }): Given => ({
      body: path.includes('cursor=')
        ? { letters: [deadLetter(1)], next: null }
        : { letters: [deadLetter(0, { tenant: 'acme' })], next: 'more' },
    }))
    const ran = await tidemill(['dlq', 'list', '--stream', 'visit', '--code', 'BAD_JSON', ...at(url)])
    assert.equal(ran.exit, 0)
    assert.match(ran.data, /visit\/0\/0 .* acme .* BAD_JSON .* it ends too early\n.*visit\/0\/1/)
    assert.match(asked[0]!.url, /stream=visit&code=BAD_JSON&state=new&limit=20/)
    const json = await tidemill(['dlq', 'list', '--state', 'all', '--json', ...at(url)])
    assert.deepEqual(
      (JSON.parse(json.data) as { letters: { id: string }[] }).letters.map(({ id }) => id),
      ['visit/0/0', 'visit/0/1'],
    )
    assert.ok(!asked.at(-1)!.url.includes('state='))
  })
})

describe('tidemill dlq show', () => {
  test('shows a whole dead letter, with control characters escaped', async () => {
    const { url, asked } = await engine(() => ({
      body: {
        letter: deadLetter(0),
        key: { text: 'acme' },
        value: { text: '{\u001b[2J' },
        headers: { trace: { base64: '/w==' } },
        today: { becomes: 'bad', code: 'BAD_JSON', reason: 'still' },
      },
    }))
    const ran = await tidemill(['dlq', 'show', 'visit/0/0', ...at(url)])
    assert.equal(asked[0]!.url, '/api/v2/dead-letters/visit/0/0')
    assert.match(
      ran.data,
      /BAD_JSON at decode[^]*still bad, BAD_JSON: still[^]*header trace +base64 \/w==[^]*\{\\u001b\[2J/,
    )
  })

  test('refuses an id that the list does not print', async () => {
    assert.equal((await tidemill(['dlq', 'show', 'visit', '--url', 'http://x', '--key', 'k'])).exit, 2)
  })
})

describe('tidemill dlq redrive', () => {
  test('sends page by page at its rate, and prints what it did not send, with exit code 1', async () => {
    const { url, asked } = await engine((_, times): Given => ({
      body:
        times === 1
          ? { results: [{ letter: deadLetter(0), becomes: 'redriven' }], next: 'more' }
          : { results: [{ letter: deadLetter(1), becomes: 'bad', code: 'BAD_JSON', reason: 'still' }], next: null },
    }))
    const ran = await tidemill([
      'dlq',
      'redrive',
      '--stream',
      'visit',
      '--tenant',
      'acme',
      '--rate',
      '1000',
      ...at(url),
    ])
    assert.equal(ran.exit, 1)
    assert.match(
      ran.said,
      /2 dead letters: 1 redriven, 1 still bad[^]*1 of 2 events would still be bad and were not sent: 1 BAD_JSON/,
    )
    assert.deepEqual(
      bodies(asked).map(({ stream, tenant, cursor, limit, dry_run, even_bad }) => [
        stream,
        tenant,
        cursor,
        limit,
        dry_run,
        even_bad,
      ]),
      [
        ['visit', 'acme', undefined, 1000, false, false],
        ['visit', 'acme', 'more', 1000, false, false],
      ],
    )
  })

  test('prints in a dry run what each event would become, with exit code 0', async () => {
    const results = [
      { letter: deadLetter(0), becomes: 'scored', score: 0.9, risk: 'high' },
      { letter: deadLetter(1), becomes: 'late', score: 0.1, risk: 'low' },
      { letter: deadLetter(2), becomes: 'duplicate' },
      { letter: deadLetter(3), becomes: 'bad', code: 'BAD_JSON', reason: 'still' },
    ]
    const { url, asked } = await engine(() => ({ body: { results, next: null } }))
    const ran = await tidemill(['dlq', 'redrive', '--stream', 'visit', '--dry-run', ...at(url)])
    assert.equal(ran.exit, 0)
    assert.equal(bodies(asked)[0]!['dry_run'], true)
    assert.match(ran.data, /scored, 0\.900 \(high\)[^]*late, 0\.100 \(low\)[^]*duplicate[^]*still bad, BAD_JSON: still/)
    const json = await tidemill(['dlq', 'redrive', '--stream', 'visit', '--dry-run', '--json', ...at(url)])
    assert.deepEqual((JSON.parse(json.data) as { counts: object }).counts, { scored: 1, late: 1, duplicate: 1, bad: 1 })
  })

  test('needs a stream', async () =>
    assert.equal((await tidemill(['dlq', 'redrive', '--url', 'http://x', '--key', 'k'])).exit, 2))
})

describe('tidemill dlq purge', () => {
  const answer = (): Given => ({ body: { letters: [deadLetter(0), deadLetter(1, { code: 'BAD_FIELD' })], next: null } })

  test('counts first, and then purges that many', async () => {
    const { url, asked } = await engine(answer)
    const ran = await tidemill(['dlq', 'purge', '--stream', 'visit', '--stage', 'decode', '--yes', ...at(url)])
    assert.equal(ran.exit, 0)
    assert.match(ran.said, /purged 2 dead letters: 1 BAD_JSON, 1 BAD_FIELD/)
    assert.deepEqual(
      bodies(asked).map(({ dry_run, limit }) => [dry_run, limit]),
      [
        [true, 1000],
        [false, 2],
      ],
    )
  })

  test('needs --yes without a terminal', async () => {
    const { url, asked } = await engine(answer)
    const ran = await tidemill(['dlq', 'purge', '--stream', 'visit', '--all', ...at(url)])
    assert.equal(ran.exit, 2)
    assert.match(ran.said, /Purge 2 dead letters of visit .* --yes/)
    assert.deepEqual(
      bodies(asked).map(({ dry_run }) => dry_run),
      [true],
    )
  })

  test('needs an option that chooses dead letters', async () => {
    const { url, asked } = await engine(answer)
    assert.equal((await tidemill(['dlq', 'purge', '--stream', 'visit', '--yes', ...at(url)])).exit, 2)
    assert.deepEqual(asked, [])
  })

  test('only counts in a dry run', async () => {
    const { url, asked } = await engine(answer)
    assert.match(
      (await tidemill(['dlq', 'purge', '--stream', 'visit', '--all', '--dry-run', ...at(url)])).said,
      /would purge 2 dead letters/,
    )
    assert.equal(asked.length, 1)
  })
})
