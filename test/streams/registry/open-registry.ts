/** Registries of a test: clients that are closed after it, and servers whose answers it chooses. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, onTestFinished } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { isEngineError } from '../../../src/base/errors.js'
import { openSchemaRegistry, type SchemaRegistry } from '../../../src/streams/registry/confluent/registry.js'

/** A clock whose sleeps end at once. */
export const quick = (): Clock & { pass(ms: number): void; readonly slept: readonly number[] } => {
  let now = 1_767_600_000_000
  const slept: number[] = []
  return {
    nowMs: () => now,
    slept,
    pass: (ms) => void (now += ms),
    sleep: async (ms) => void ((now += ms), slept.push(ms)),
  }
}

const opened: SchemaRegistry[] = []
export function open(url: string, more: Partial<Parameters<typeof openSchemaRegistry>[0]> = {}): SchemaRegistry {
  const registry = openSchemaRegistry({ url, clock: quick(), ...more })
  opened.push(registry)
  return registry
}
afterEach(() => {
  for (const registry of opened.splice(0)) registry.close()
})

export async function down(ask: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(ask, (error) => {
    assert.ok(isEngineError(error, 'REGISTRY_DOWN'), String(error))
    assert.equal(error.disposition, 'retry')
    assert.match(error.message, message)
    return true
  })
}

/** A server in the place of a registry, and the requests that it received. */
export async function listening(answer: RequestListener): Promise<{ url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method!} ${request.url!}`)
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

export const json =
  (status: number, body: object): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
export const schemaAnswer = (schema: unknown, more: object = {}) =>
  json(200, { schema: JSON.stringify(schema), ...more })
