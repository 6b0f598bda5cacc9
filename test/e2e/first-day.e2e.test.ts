import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { startEngine } from '../../src/compose/engine.js'
import { loadConfig, packagePath } from '../../src/config/load.js'
import type { Engine } from '../../src/contracts/engine.js'

interface Media {
  readonly schema?: { readonly examples?: readonly unknown[] }
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}
interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly requestBody?: { readonly content: Record<string, Media> } }>>>
  >
  readonly components: { readonly schemas: unknown }
}

/** These examples ask for what a healthy engine does not have. */
const refusedOf: Readonly<Record<string, number>> = { 'POST /api/v2/partitions/accept': 400 }

describe('the first day with the demo', () => {
  let directory: string
  let engine: Engine
  const start = (): Promise<Engine> =>
    startEngine(loadConfig({ flags: { dataDirectory: join(directory, 'data'), 'api.port': 0, 'demo.rate': 5 } }))
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-first-day-'))
    engine = await start()
  })
  afterAll(async () => {
    await engine.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const post = async (path: string, body: unknown, type = 'application/json') => {
    const answer = await fetch(`${engine.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.demoKey!}`, 'content-type': type },
      body: JSON.stringify(body),
    })
    return { status: answer.status, text: await answer.text() }
  }

  test('every example of the OpenAPI document is taken with the demo key', async () => {
    const document = (await (await fetch(`${engine.url}/openapi.json`)).json()) as Document
    const tried = new Set<string>()
    for (const [path, operations] of Object.entries(document.paths))
      for (const [method, { requestBody }] of Object.entries(operations))
        for (const { schema, example, examples } of Object.values(requestBody?.content ?? {}))
          for (const [name, body] of [
            ...Object.entries(examples ?? {}).map(([one, { value }]) => [one, value] as const),
            ...[...(example === undefined ? [] : [example]), ...(schema?.examples ?? [])].map(
              (value) => ['', value] as const,
            ),
          ]) {
            const operation = `${method.toUpperCase()} ${path}`
            tried.add(operation)
            const { status, text } = await post(path.replace('{stream}', name), body)
            const expected = refusedOf[operation]
            assert.ok(expected === undefined ? status < 300 : status === expected, `${operation}: ${status} ${text}`)
          }
    for (const path of ['events/{stream}', 'predict/{stream}', 'predict/conflict', 'outcomes', 'sql', 'keys'])
      assert.ok(tried.has(`POST /api/v2/${path}`), path)
  })

  test("the operator guide's own request for a conflict is answered", async () => {
    const body = { domain: 'voice', user_id: 1 }
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      const { status, text } = await post('/api/v2/predict/conflict/', body, type)
      assert.equal(status, 200, text)
      assert.equal(typeof (JSON.parse(text) as { conflict_probability: unknown }).conflict_probability, 'number')
    }
  })

  test("the README's curl sends an event and reads its prediction", async () => {
    const readme = await readFile(packagePath('README.md'), 'utf8')
    const block = /^ {4}KEY=(?:.*\n)+?(?=\n)/m.exec(readme)![0]
    const { stdout } = await promisify(execFile)(
      'bash',
      ['-ec', block.replaceAll('http://127.0.0.1:8787', engine.url)],
      { cwd: directory },
    )
    const [acknowledged, found] = stdout.replace('}{', '}\n{').split('\n')
    assert.equal((JSON.parse(acknowledged!) as { event_id: string }).event_id, 'my-first-event')
    const { predictions } = JSON.parse(found!) as { predictions: readonly { tenant: string; score: number }[] }
    assert.equal(predictions.length, 1)
    assert.equal(predictions[0]!.tenant, 'acme')
  })

  test('the demo key stays the same after a restart', async () => {
    const key = engine.demoKey
    await engine.stop()
    engine = await start()
    assert.equal(engine.demoKey, key)
    assert.equal((await post('/api/v2/predict/conflict', { domain: 'voice', user_id: 'bob' })).status, 200)
  })
})
