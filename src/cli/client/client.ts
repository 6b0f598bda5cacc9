import { readFileSync } from 'node:fs'
import { systemClock } from '../../base/clock.js'
import { clientEnvironment, dataPaths, loadConfig, type Config } from '../../config/load.js'
import { messageOf } from '../../base/errors.js'
import { readLock } from '../../base/lock.js'
import { CommandFailed, exits, type ExitCode } from '../terminal/exit.js'

/** How a command finds its engine; `connect` finds what is absent. */
export interface RemoteOptions {
  readonly url?: string
  readonly key?: string
  readonly data?: string
  readonly config?: string
}

/** An answer of the engine. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A running engine, over HTTP. */
export interface Client {
  readonly url: string
  /** The JSON body of a 2xx answer; else throws CommandFailed with the engine's message. */
  get(path: string, query?: Readonly<Record<string, string | number | undefined>>): Promise<unknown>
  /**
   * Sends a body and resolves with the answer of any status. Repeats the request while the engine is busy or one of its
   * stores is unreachable (429, 503); every request is idempotent.
   */
  post(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    type: 'application/json' | 'application/x-ndjson' | 'application/octet-stream',
  ): Promise<Answer>
  /** Posts JSON and resolves with the bytes of a 2xx answer; else throws CommandFailed with the engine's message. */
  download(path: string, body: string): Promise<Buffer>
  /** Resolves with whether the resource existed; throws CommandFailed when the engine could not remove it. */
  remove(path: string): Promise<boolean>
}

/** Attempts of one request before the command gives up: with the engine's Retry-After, a minute or more. */
const attempts = 12
const defaultRetryMs = 1_000

const configOf = (options: RemoteOptions): Config =>
  loadConfig({
    flags: options.data === undefined ? {} : { dataDirectory: options.data },
    servers: [],
    ...(options.config !== undefined && { configPath: options.config }),
  })

/** The data directory that the options or the configuration name. */
export const dataDirectoryOf = (options: RemoteOptions): string => configOf(options).dataDirectory

/** Finds the engine and the key. Sends nothing yet. */
export async function connect(options: RemoteOptions, signal: AbortSignal): Promise<Client> {
  const environment = clientEnvironment()
  const given = options.url ?? environment.url
  const config = given === undefined || (options.key ?? environment.key) === undefined ? configOf(options) : undefined
  const url = (
    given ?? (config!.preset === 'cluster' ? configuredAt(config!) : await runningIn(config!.dataDirectory))
  ).replace(/\/+$/, '')
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new CommandFailed(exits.usage, `'${url}' is not a URL of an engine; write it like http://127.0.0.1:8787`)
  const key = options.key ?? environment.key ?? demoKeyIn(config!.dataDirectory)
  return clientOf(
    url,
    key,
    signal,
    given === undefined && config!.preset === 'cluster'
      ? '. The configuration names this address for the API of this machine; name another engine of the cluster ' +
          'with --url or TIDEMILL_URL'
      : '',
  )
}

/**
 * The address of this machine's API. With the cluster preset no process locks the data directory, so no file has it.
 */
function configuredAt({ api: { host, port } }: Config): string {
  if (port === 0)
    throw new CommandFailed(
      exits.usage,
      'the configuration lets the API take any free port (api.port: 0); name an engine with --url or TIDEMILL_URL',
    )
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }
  return `http://${everywhere[host] ?? (host.includes(':') ? `[${host}]` : host)}:${port}`
}

async function runningIn(directory: string): Promise<string> {
  const holder = await readLock(directory)
  if (holder?.url !== undefined) return holder.url
  const starting = holder === undefined ? '' : `, but process ${holder.pid} is starting there`
  throw new CommandFailed(
    exits.dependency,
    `no engine is running in ${directory}${starting}; start one with 'tidemill start', or name one with ` +
      '--url or TIDEMILL_URL',
  )
}

/** Reads the key that a demo engine writes for other commands; only its owner may read the file. */
function demoKeyIn(directory: string): string | undefined {
  try {
    return readFileSync(dataPaths(directory).demoKey, 'utf8').trim()
  } catch {
    return undefined
  }
}

interface Request {
  readonly method?: 'POST' | 'DELETE'
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly type?: string
}

/** Sends one request. `advice` is appended to the message that the engine does not answer. */
const senderTo =
  (url: string, key: string | undefined, signal: AbortSignal, advice: string) =>
  async (path: string, { type, ...init }: Request = {}): Promise<Response> => {
    if (key === undefined && path.startsWith('/api/'))
      throw new CommandFailed(
        exits.usage,
        `no API key; give one with --key or TIDEMILL_KEY ('tidemill keys create' creates one)`,
      )
    try {
      const headers = {
        ...(type !== undefined && { 'content-type': type }),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      }
      return await fetch(`${url}${path}`, { ...init, headers, signal })
    } catch (error) {
      signal.throwIfAborted()
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      throw new CommandFailed(
        exits.dependency,
        `${url} does not answer (${messageOf(cause) || String((cause as { code?: unknown }).code)})${advice}`,
        { cause: error },
      )
    }
  }

/** A client of the engine at `url`. `advice` is appended to the message that the engine does not answer. */
export function clientOf(url: string, key: string | undefined, signal: AbortSignal, advice = ''): Client {
  const send = senderTo(url, key, signal, advice)
  async function posted(path: string, request: Request): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const response = await send(path, { ...request, method: 'POST' })
      if (response.status !== 503 && response.status !== 429) return response
      if (attempt === attempts) throw failure(response.status, await bodyOf(response))
      await response.arrayBuffer()
      await systemClock.sleep(retryAfterMs(response), signal)
      signal.throwIfAborted()
    }
  }
  return {
    url,
    async get(path, query = {}) {
      const named = Object.entries(query).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, String(value)]],
      )
      const search = named.length === 0 ? '' : `?${new URLSearchParams(named).toString()}`
      const response = await send(`${path}${search}`)
      const body = await bodyOf(response)
      if (!response.ok) throw failure(response.status, body)
      return body
    },
    async post(path, body, type) {
      const response = await posted(path, { body, type })
      return { status: response.status, body: await bodyOf(response) }
    },
    async download(path, body) {
      const response = await posted(path, { body, type: 'application/json' })
      if (!response.ok) throw failure(response.status, await bodyOf(response))
      return Buffer.from(await response.arrayBuffer())
    },
    async remove(path) {
      const response = await send(path, { method: 'DELETE' })
      const body = await bodyOf(response)
      if (!response.ok && response.status !== 404) throw failure(response.status, body)
      return response.ok
    },
  }
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? NaN)
  return Number.isFinite(seconds) ? seconds * 1_000 : defaultRetryMs
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

interface ProblemBody {
  readonly title?: string
  readonly detail?: string
  readonly code?: string
  readonly instance?: string
  readonly errors?: readonly { readonly field: string; readonly message: string }[]
}

/** Turns an answer into an error with the engine's message. */
export function failure(status: number, body: unknown): CommandFailed {
  const { title, detail, code, instance, errors } = (
    typeof body === 'object' && body !== null ? body : {}
  ) as ProblemBody
  const words =
    detail ?? title ?? (typeof body === 'string' && body !== '' ? body.slice(0, 200) : 'the answer has no reason')
  const fields = (errors ?? []).map(({ field, message }) => `\n  ${field}: ${message}`).join('')
  const occurrence = status >= 500 && instance !== undefined ? `\n  id in the engine's log: ${instance}` : ''
  return new CommandFailed(
    exitOf(status),
    `the engine answered ${status}${code === undefined ? '' : ` ${code}`}: ${words}${fields}${occurrence}`,
  )
}

const exitOf = (status: number): ExitCode =>
  status === 503 || status === 507 || status === 429 ? exits.dependency : exits.failed
