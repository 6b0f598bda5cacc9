import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { EngineError, messageOf } from '../../../base/errors.js'
import { limits } from '../../../base/limits.js'

/** Address and credentials of a registry. */
export interface RegistryAccess {
  /**
   * With the path of the API if there is one: `http://registry:8081`, `https://host/apis/ccompat/v7`. Credentials in it
   * are used and never shown.
   */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Bearer token, sent instead of user name and password. */
  readonly token?: string | undefined
  /** PEM of the accepted authorities of the registry's certificate; the system's when absent. */
  readonly ca?: string | undefined
  /** A registry without a complete answer within this time is unreachable; `limits.registryTimeoutMs` by default. */
  readonly timeoutMs?: number | undefined
}

/** A registry's answer: 2xx, or a refusal with its own message (404, 409, 422). */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** The REST interface of a registry. */
export interface RegistryHttp {
  /** Its URL without credentials, for messages. */
  readonly place: string
  readonly agent: HttpAgent
  readonly authorization: string | undefined
  readonly timeoutMs: number
  /**
   * Sends a request. Throws REGISTRY_DOWN for everything but the answer of a registry, also for the 404 of another
   * server.
   */
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer>
}

/** Creates the client without sending anything. Throws BAD_CONFIG for an invalid URL. */
export function registryHttp(access: RegistryAccess): RegistryHttp {
  const url = urlOf(access.url)
  const authorization = authorizationOf(access, url)
  url.username = url.password = url.hash = url.search = ''
  const place = url.href.replace(/\/+$/, '')
  const { timeoutMs = limits.registryTimeoutMs } = access
  const pool = { keepAlive: true, maxSockets: limits.registryRequests }
  const agent =
    url.protocol === 'https:'
      ? new HttpsAgent({ ...pool, ...(access.ca === undefined ? {} : { ca: access.ca }) })
      : new HttpAgent(pool)
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const down = (what: string, cause?: unknown): EngineError =>
    new EngineError('REGISTRY_DOWN', `the schema registry at ${place} ${what}`, { cause })

  const send = (method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/vnd.schemaregistry.v1+json, application/json',
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && {
          'content-type': 'application/vnd.schemaregistry.v1+json',
          'content-length': Buffer.byteLength(body),
        }),
      }
      const sent = request(
        `${place}${path}`,
        { method, agent, headers, signal: AbortSignal.timeout(timeoutMs) },
        (response) => {
          textOf(response).then((text) => resolve({ status: response.statusCode!, text }), reject)
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })

  return {
    place,
    agent,
    authorization,
    timeoutMs,
    async ask(method, path, body) {
      const answer = await send(method, path, body === undefined ? undefined : JSON.stringify(body)).catch(
        (error: unknown) => {
          throw down(`does not answer: ${messageOf(error)}`, error)
        },
      )
      const parsed = parsedObject(answer.text)
      if (answer.status >= 200 && answer.status < 300 && parsed !== undefined)
        return { status: answer.status, body: parsed }
      if ([404, 409, 422].includes(answer.status) && typeof parsed?.['error_code'] === 'number')
        return { status: answer.status, body: parsed }
      throw down(failure(answer.status, `${method} ${path}`))
    },
  }
}

export function failure(status: number, asked: string): string {
  if (status === 401 || status === 403)
    return `refuses the credentials (${status}): check schemaRegistry.username and password, or the token`
  if (status >= 500 || status === 429) return `has an error: it answered ${status} to ${asked}`
  return `answered ${status} to ${asked}, but not like a schema registry: check schemaRegistry.url and its path`
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new EngineError(
      'BAD_CONFIG',
      'schemaRegistry.url: not the URL of a schema registry; an example is http://127.0.0.1:8081',
    )
  return url
}

function authorizationOf({ username, password, token }: RegistryAccess, url: URL): string | undefined {
  if (token !== undefined) return `Bearer ${token}`
  const name = username ?? decodeURIComponent(url.username)
  if (name === '') return undefined
  return `Basic ${Buffer.from(`${name}:${password ?? decodeURIComponent(url.password)}`).toString('base64')}`
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > limits.registryAnswerBytes)
      throw new Error(`the answer has more than ${limits.registryAnswerBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed = JSON.parse(text) as unknown
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
