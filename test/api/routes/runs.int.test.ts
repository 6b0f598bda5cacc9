import { expect, test } from 'vitest'
import { startApi, startMs } from '../harness.js'

const run = {
  id: 'run-1',
  stream: 'visit',
  model: 'v2',
  fingerprint: '0123456789abcdef',
  fromMs: null,
  toMs: 5,
  startedMs: 1,
  finishedMs: 2,
  records: 10,
  replayMs: 1,
  rows: 9,
  labelled: 0,
  positives: 0,
  rocAuc: null,
  prAuc: null,
  brier: null,
  servedRocAuc: null,
}
const step = {
  id: 'run-1',
  state: 'started',
  stream: 'visit',
  model: 'v2',
  fromMs: null,
  toMs: 5,
  rows: 9,
  why: 'a better model',
}

test('the operator stores a backtest and decides on a replay; the record contains the key and the time', async () => {
  const { send, as, engine } = await startApi()
  expect((await send(as.operator, 'POST', '/api/v2/backtests', run)).status).toBe(204)
  expect(engine.runs.backtests).toEqual([run])
  expect((await send(as.operator, 'POST', '/api/v2/replays', step)).status).toBe(204)
  const { body } = await send(as.operator, 'GET', '/api/v2/replays')
  expect(body).toEqual({ replays: [{ ...step, by: expect.any(String) as string, atMs: startMs }] })
})

test.each([
  ['a backtest without figures', '/api/v2/backtests', { id: 'run-1' }],
  ['an id that would name something else', '/api/v2/backtests', { ...run, id: '../x' }],
  ['a state that is none', '/api/v2/replays', { ...step, state: 'done' }],
  ['a step that names its author', '/api/v2/replays', { ...step, by: 'somebody' }],
])('%s is refused', async (_name, url, body) => {
  const { send, as } = await startApi()
  expect((await send(as.operator, 'POST', url, body)).status).toBe(422)
})

test("a tenant's key is refused", async () => {
  const { send, as } = await startApi()
  for (const [method, url, body] of [
    ['POST', '/api/v2/backtests', run],
    ['POST', '/api/v2/replays', step],
    ['GET', '/api/v2/replays', undefined],
  ] as const)
    expect((await send(as.acme, method, url, body)).status).toBe(403)
})

test('blocks of a run are passed on unchanged, with their position; any other body is refused', async () => {
  const { app, as, engine } = await startApi()
  const send = (kind: string, payload: string, query = 'stream=visit&partition=2&position=7') =>
    app.inject({
      method: 'POST',
      url: `/api/v2/${kind}/run-1/predictions?${query}`,
      payload: Buffer.from(payload),
      headers: { authorization: `Bearer ${as.operator}`, 'content-type': 'application/octet-stream' },
    })
  expect((await send('backtests', 'block')).statusCode).toBe(204)
  expect((await send('replays', 'block')).statusCode).toBe(204)
  const place = { id: 'run-1', stream: 'visit', topic: 'visit', partition: 2, position: 7 }
  expect(engine.runs.blocks).toEqual([
    { place: { of: 'backtest', ...place }, block: Buffer.from('block') },
    { place: { of: 'replay', ...place }, block: Buffer.from('block') },
  ])
  expect((await send('replays', 'no block')).statusCode).toBe(400)
  expect((await send('replays', 'block', 'stream=nothing&partition=2&position=7')).statusCode).toBe(404)
})
