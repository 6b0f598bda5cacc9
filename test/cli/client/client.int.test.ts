import { strict as assert } from 'node:assert'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { dataPaths } from '../../../src/config/load.js'
import { lockDirectory } from '../../../src/base/lock.js'
import { engines, tidemill, type Given } from '../harness.js'

const engine = engines()

const directory = (): string => mkdtempSync(join(tmpdir(), 'tidemill-cli-'))
const noPredictions = (): Given => ({ body: { predictions: [], next: null } })

describe('finding the engine', () => {
  test('uses the lock and the demo key of the data directory', async () => {
    const data = directory()
    const { url, asked } = await engine(noPredictions)
    const lock = await lockDirectory(data, { pid: process.pid, startedAt: 'now' })
    await lock.update({ url })
    writeFileSync(dataPaths(data).demoKey, 'tm_demo\n')
    assert.equal((await tidemill(['predictions', 'list', '--data', data])).exit, 0)
    assert.equal(asked[0]!.key, 'tm_demo')
    await lock.release()
  })

  test('fails with exit code 4 and advice when no engine runs', async () => {
    const data = directory()
    const ran = await tidemill(['streams', 'list', '--data', data])
    assert.equal(ran.exit, 4)
    assert.match(ran.said, /no engine is running in .*; start one with 'tidemill start'/)
  })

  test('fails with exit code 4 when the address does not answer', async () => {
    const gone = await engine(noPredictions)
    gone.close()
    const ran = await tidemill(['streams', 'list', '--url', gone.url, '--key', 'k'])
    assert.equal(ran.exit, 4)
    assert.match(ran.said, /does not answer \(.*ECONNREFUSED/)
  })

  test('uses the API address of the configuration with the cluster preset', async () => {
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
      /http:\/\/127\.0\.0\.1:1 does not answer .*The configuration names this address.*--url or TIDEMILL_URL/,
    )
    at(0)
    const free = await tidemill(['predictions', 'list', '--config', config, '--key', 'k'])
    assert.deepEqual([free.exit, /--url or TIDEMILL_URL/.test(free.said)], [2, true])
  })

  test('fails with exit code 2 without a key', async () => {
    const { url, asked } = await engine(noPredictions)
    const ran = await tidemill(['streams', 'list', '--url', url, '--data', directory()])
    assert.equal(ran.exit, 2)
    assert.match(ran.said, /no API key; give one with --key or TIDEMILL_KEY/)
    assert.equal(asked.length, 0)
  })

  test('fails with exit code 2 when the address is not a URL', async () => {
    assert.equal((await tidemill(['streams', 'list', '--url', 'nowhere', '--key', 'k'])).exit, 2)
  })
})

describe('a refusal of the engine', () => {
  const problem = {
    title: 'Not allowed',
    status: 403,
    detail: 'This key has nothing here.',
    code: 'FORBIDDEN',
    instance: 'urn:x',
  }
  test("is printed with the engine's message", async () => {
    const { url } = await engine(() => ({ status: 403, body: problem }))
    const ran = await tidemill(['predictions', 'get', 'e1', '--url', url, '--key', 'k'])
    assert.deepEqual(
      [ran.exit, ran.said],
      [1, 'error: the engine answered 403 FORBIDDEN: This key has nothing here.\n'],
    )
  })
  test('is printed with its fields, and with its id when the engine has a bug', async () => {
    const { url } = await engine(() => ({
      status: 500,
      body: { ...problem, status: 500, code: 'INTERNAL', errors: [{ field: 'from', message: 'is no time' }] },
    }))
    const ran = await tidemill(['predictions', 'list', '--url', url, '--key', 'k'])
    assert.match(ran.said, /\n {2}from: is no time\n {2}id in the engine's log: urn:x/)
  })
})
