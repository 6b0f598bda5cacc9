/** A complete API over the fake engine, with a key of every kind. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions } from 'fastify'
import pino from 'pino'
import { onTestFinished } from 'vitest'
import { buildApi, type ApiParts } from '../../src/api/api.js'
import { openKeys, type KeyStore } from '../../src/api/keys/key-file.js'
import { scopes, type Scope } from '../../src/api/keys/keys.js'
import { everyTenant } from '../../src/contracts/callers.js'
import type { Problem } from '../../src/api/http/problems.js'
import type { Clock } from '../../src/base/clock.js'
import { assertDocumented } from './documented.js'
import { fakeEngine, type FakeEngine } from './fakes.js'

export const startMs = Date.parse('2026-01-06T08:00:00Z')

export interface TestClock extends Clock {
  /** Moves the clock forward. */
  pass(ms: number): void
}

export function testClock(): TestClock {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    sleep: (delayMs) => ((nowMs += delayMs), new Promise(setImmediate)),
    pass: (ms) => void (nowMs += ms),
  }
}

export type Method = 'GET' | 'POST' | 'DELETE' | 'PUT' | 'HEAD' | 'OPTIONS'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  /** The body as JSON. */
  readonly body: Readonly<Record<string, unknown>> & Partial<Problem>
}

export interface Api {
  readonly app: FastifyInstance
  readonly engine: FakeEngine
  readonly keys: KeyStore
  readonly clock: TestClock
  /** Lines of the engine's log. */
  readonly logged: readonly string[]
  readonly as: { readonly acme: string; readonly globex: string; readonly operator: string }
  /** Creates a key of acme with only these scopes. */
  readonly keyWith: (...may: readonly Scope[]) => Promise<string>
  readonly send: (
    key: string | undefined,
    method: Method,
    url: string,
    payload?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-api-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export async function startApi(parts: Partial<ApiParts> = {}): Promise<Api> {
  const clock = testClock()
  const engine = fakeEngine()
  const keys = openKeys(join(await temporaryDirectory(), 'keys.json'), clock)
  const logged: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
  const app = await buildApi({ ports: engine, keys, clock, logger, version: '0.0.1', ...parts })
  onTestFinished(() => app.close())
  const make = async (tenant: string, may: readonly Scope[]): Promise<string> =>
    (await keys.create({ name: 'test', tenant, scopes: may })).key
  const tenantScopes = scopes.filter((scope) => scope !== 'admin')
  return {
    app,
    engine,
    keys,
    clock,
    logged,
    as: {
      acme: await make('acme', tenantScopes),
      globex: await make('globex', tenantScopes),
      operator: await make(everyTenant, scopes),
    },
    keyWith: (...may) => make('acme', may),
    async send(key, method, url, payload, headers = {}) {
      const options: InjectOptions = {
        method,
        url,
        headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...headers },
      }
      const response = await app.inject(payload === undefined ? options : { ...options, payload: payload as object })
      assertDocumented(() => app.swagger(), method, url, response)
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        body: jsonOf(response.body),
      }
    },
  }
}

function jsonOf(text: string): Answer['body'] {
  try {
    return JSON.parse(text) as Answer['body']
  } catch {
    return {}
  }
}

export const visitOf = (event_id: string, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  event_id,
  person_id: 'ann',
  at: startMs,
  way: 'in',
  ...given,
})
