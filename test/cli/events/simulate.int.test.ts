import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { engines, tidemill, type Asked, type Given } from '../harness.js'

const engine = engines()
const args = ['simulate', '--history', '12h', '--people', '200', '--once', '--key', 'k']

/** An engine that runs some streams and takes everything for them. */
const running =
  (...streams: readonly string[]) =>
  ({ url, body }: Asked): Given => {
    const stream = /^\/api\/v2\/events\/([\w-]+)$/.exec(url)?.[1]
    if (stream !== undefined && !streams.includes(stream)) return { status: 404, body: { code: 'UNKNOWN_STREAM' } }
    if (body === '[]') return { status: 400, body: { code: 'BAD_REQUEST' } }
    const { outcomes = [] } = JSON.parse(body) as { outcomes?: readonly { stream: string }[] }
    const unknown = outcomes.some((outcome) => !streams.includes(outcome.stream))
    return unknown ? { status: 404, body: { code: 'UNKNOWN_STREAM' } } : { body: { results: [] } }
  }

test('leaves out the streams that the engine does not run, and their outcomes, and names them', async () => {
  const { url, asked } = await engine(running('attendance', 'infra-metric'))
  const ran = await tidemill([...args, '--url', url, '--json'])
  assert.equal(ran.exit, 0, ran.said)
  assert.match(ran.said, /the engine does not run meter-reading, sync: these are left out\n/)
  const sent = asked.filter(({ url: at, body }) => at.startsWith('/api/v2/events/') && body !== '[]')
  assert.deepEqual([...new Set(sent.map(({ url: at }) => at))].sort(), [
    '/api/v2/events/attendance',
    '/api/v2/events/infra-metric',
  ])
  const events = sent.reduce((sum, { body }) => sum + (JSON.parse(body) as { events: unknown[] }).events.length, 0)
  assert.equal((JSON.parse(ran.data) as { events: number }).events, events)
})

test('fails with exit code 2 at an engine that runs none of them', async () => {
  const { url } = await engine(running())
  const ran = await tidemill([...args, '--url', url])
  assert.equal(ran.exit, 2)
  assert.match(ran.said, /the engine runs none of the simulated streams attendance, meter-reading/)
})
