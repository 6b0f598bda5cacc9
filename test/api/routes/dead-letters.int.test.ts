import { expect, test } from 'vitest'
import { scopes } from '../../../src/api/keys/keys.js'
import { deadLetter } from '../fake-dead-letters.js'
import { startApi, type Answer } from '../harness.js'

async function withDeadLetters() {
  const api = await startApi()
  api.engine.deadLetters.stored.push(
    deadLetter({ id: 'visit/0/0' }),
    deadLetter({ id: 'visit/0/1', code: 'BAD_FIELD', event_id: 'v1', state: 'redriven' }),
    deadLetter({ id: 'visit/1/0', partition: 1, tenant: 'globex' }),
    deadLetter({ id: 'sync/0/0', stream: 'sync', tenant: null }),
  )
  return { ...api, acmeAdmin: await api.keyWith(...scopes) }
}
const ids = (answer: Answer): unknown => (answer.body['letters'] as { id: string }[]).map(({ id }) => id)

test('a tenant reads dead letters that clearly are its own; the operator reads all of them', async () => {
  const { send, as } = await withDeadLetters()
  expect(ids(await send(as.acme, 'GET', '/api/v2/dead-letters'))).toEqual(['visit/0/0', 'visit/0/1'])
  expect((await send(as.acme, 'GET', '/api/v2/dead-letters?tenant=globex')).status).toBe(403)
  expect(ids(await send(as.operator, 'GET', '/api/v2/dead-letters'))).toHaveLength(4)
  expect(ids(await send(as.operator, 'GET', '/api/v2/dead-letters?tenant=globex'))).toEqual(['visit/1/0'])
})

test('dead letters are filtered and read page by page', async () => {
  const { send, as } = await withDeadLetters()
  for (const [query, expected] of [
    ['stream=sync', ['sync/0/0']],
    ['code=BAD_FIELD', ['visit/0/1']],
    ['partition=1', ['visit/1/0']],
    ['state=redriven', ['visit/0/1']],
  ] as const)
    expect(ids(await send(as.operator, 'GET', `/api/v2/dead-letters?${query}`))).toEqual(expected)
  const first = await send(as.operator, 'GET', '/api/v2/dead-letters?limit=3')
  expect(
    ids(await send(as.operator, 'GET', `/api/v2/dead-letters?limit=3&cursor=${String(first.body['next'])}`)),
  ).toEqual(['sync/0/0'])
  expect((await send(as.operator, 'GET', '/api/v2/dead-letters?stream=nothing')).body.code).toBe('UNKNOWN_STREAM')
  expect((await send(as.operator, 'GET', '/api/v2/dead-letters?state=lost')).status).toBe(400)
})

test('one dead letter is shown with its bytes; the answer does not reveal whether another tenant has one', async () => {
  const { send, as } = await withDeadLetters()
  const shown = await send(as.acme, 'GET', '/api/v2/dead-letters/visit/0/0')
  expect([shown.status, shown.body['value'], shown.body['today']]).toEqual([
    200,
    { base64: '/w==' },
    { becomes: 'bad', code: 'BAD_JSON', reason: 'still' },
  ])
  const [others, nobodys, missing] = [
    await send(as.acme, 'GET', '/api/v2/dead-letters/visit/1/0'),
    await send(as.acme, 'GET', '/api/v2/dead-letters/sync/0/0'),
    await send(as.acme, 'GET', '/api/v2/dead-letters/visit/0/9'),
  ]
  expect([others.status, nobodys.status, missing.status]).toEqual([404, 404, 404])
  expect([others.body.detail, nobodys.body.detail]).toEqual([missing.body.detail, missing.body.detail])
  expect((await send(as.operator, 'GET', '/api/v2/dead-letters/visit/0/9')).status).toBe(404)
})

test("redriving and purging need the scope admin and reach only the key's tenant", async () => {
  const { send, as, acmeAdmin, engine } = await withDeadLetters()
  for (const action of ['redrive', 'purge']) {
    expect(
      (await send(as.acme, 'POST', `/api/v2/dead-letters/${action}`, { stream: 'visit', code: 'BAD_JSON' })).status,
    ).toBe(403)
    expect(
      (
        await send(acmeAdmin, 'POST', `/api/v2/dead-letters/${action}`, {
          stream: 'visit',
          code: 'BAD_JSON',
          tenant: 'globex',
        })
      ).status,
    ).toBe(403)
    const mine = await send(acmeAdmin, 'POST', `/api/v2/dead-letters/${action}`, { stream: 'visit', code: 'BAD_JSON' })
    expect(mine.status).toBe(200)
    expect(engine.deadLetters.asked.at(-1)!.filter).toEqual({ stream: 'visit', code: 'BAD_JSON', tenant: 'acme' })
  }
  expect(
    (await send(acmeAdmin, 'POST', '/api/v2/dead-letters/redrive', { stream: 'visit', even_bad: true })).status,
  ).toBe(403)
})

test('a redrive reports the result of each dead letter, a dry run the expected one', async () => {
  const { send, as } = await withDeadLetters()
  const done = await send(as.operator, 'POST', '/api/v2/dead-letters/redrive', { stream: 'visit', limit: 1 })
  expect([(done.body['results'] as { becomes: string }[]).map(({ becomes }) => becomes), done.body['next']]).toEqual([
    ['redriven'],
    '1',
  ])
  const tried = await send(as.operator, 'POST', '/api/v2/dead-letters/redrive', { stream: 'visit', dry_run: true })
  expect((tried.body['results'] as { becomes: string }[]).map(({ becomes }) => becomes)).toEqual([
    'duplicate',
    'duplicate',
  ])
})

test('a purge needs a filter, or `all`', async () => {
  const { send, as } = await withDeadLetters()
  const bare = await send(as.operator, 'POST', '/api/v2/dead-letters/purge', { stream: 'visit', dry_run: true })
  expect([bare.status, bare.body.code]).toEqual([400, 'BAD_REQUEST'])
  expect(
    ids(await send(as.operator, 'POST', '/api/v2/dead-letters/purge', { stream: 'visit', all: true, dry_run: true })),
  ).toEqual(['visit/0/0', 'visit/1/0'])
  expect((await send(as.operator, 'POST', '/api/v2/dead-letters/purge', { code: 'BAD_JSON' })).status).toBe(422)
})
