import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { EngineError, messageOf } from '../../../base/errors.js'
import { limits } from '../../../base/limits.js'

/** How a registry is reached. */
export interface RegistryAccess {
  /**
   * With the path of the protocol where it has one: `http://registry:8081`, `https://host/apis/ccompat/v7`. Credentials
   * in it are used and never shown.
   */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Sent as a bearer token, instead of a name and password. */
  readonly token?: string | undefined
  /** PEM of the authorities that may have signed the registry's certificate; the system's where it is absent. */
  readonly ca?: string | undefined
  /** After how long without a whole answer it counts as away; `limits.registryTimeoutMs` unless said. */
  readonly timeoutMs?: number | undefined
}

/** What a registry answered: 2xx, or a refusal in its own words (404, 409, 422). */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** The REST interface of a registry. */
export interface RegistryHttp {
  /** Where it is, without credentials: fit for messages. */
  readonly place: string
  readonly agent: HttpAgent
  readonly authorization: string | undefined
  readonly timeoutMs: number
  /**
   * Throws REGISTRY_DOWN for everything that is no answer of a registry: also for a 404 of whoever else listens there.
   */
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer>
}

/** Nothing is sent yet. Throws BAD_CONFIG where the URL is none. */
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
  if (status >= 500 || status === 429) return `is in trouble: it answered ${status} to ${asked}`
  return `answered ${status} to ${asked}, and not as a schema registry does: check schemaRegistry.url, path included`
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new EngineError(
      'BAD_CONFIG',
      'schemaRegistry.url: it is not the URL of a schema registry; that looks like http://127.0.0.1:8081',
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
