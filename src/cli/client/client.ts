import { readFileSync } from 'node:fs'
import { systemClock } from '../../base/clock.js'
import { clientEnvironment, dataPaths, loadConfig, type Config } from '../../config/load.js'
import { messageOf } from '../../base/errors.js'
import { readLock } from '../../base/lock.js'
import { CommandFailed, exits, type ExitCode } from '../terminal/exit.js'

/** How a command finds the engine it talks to; what is absent is looked for. */
export interface RemoteOptions {
  readonly url?: string
  readonly key?: string
  readonly data?: string
  readonly config?: string
}

/** An answer of the engine with the status it came with. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A running engine, over HTTP. */
export interface Client {
  readonly url: string
  /** The JSON body of a 2xx answer; CommandFailed with the problem's own words otherwise. */
  get(path: string, query?: Readonly<Record<string, string | number | undefined>>): Promise<unknown>
  /**
   * Sends a body, repeating it while the engine says that it is busy or a part is away (every such request is
   * idempotent), and gives back answers of all other statuses.
   */
  post(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    type: 'application/json' | 'application/x-ndjson' | 'application/octet-stream',
  ): Promise<Answer>
  /** Whether there was such a thing, which is gone now; CommandFailed where it could not be removed. */
  remove(path: string): Promise<boolean>
}

/** Attempts of one request before a busy engine counts as away: with the engine's own Retry-After, a minute or more. */
const attempts = 12
const defaultRetryMs = 1_000

const configOf = (options: RemoteOptions): Config =>
  loadConfig({
    flags: options.data === undefined ? {} : { dataDirectory: options.data },
    servers: [],
    ...(options.config !== undefined && { configPath: options.config }),
  })

/** Where the data directory is, for commands that look for a running engine or its files. */
export const dataDirectoryOf = (options: RemoteOptions): string => configOf(options).dataDirectory

/** Finds the engine and the key. Nothing is sent yet. */
export async function connect(options: RemoteOptions, signal: AbortSignal): Promise<Client> {
  const environment = clientEnvironment()
  const given = options.url ?? environment.url
  const config = given === undefined || (options.key ?? environment.key) === undefined ? configOf(options) : undefined
  const url = (
    given ?? (config!.preset === 'cluster' ? configuredAt(config!) : await runningIn(config!.dataDirectory))
  ).replace(/\/+$/, '')
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new CommandFailed(exits.usage, `'${url}' is not the URL of an engine; it looks like http://127.0.0.1:8787`)
  const key = options.key ?? environment.key ?? demoKeyIn(config!.dataDirectory)
  return clientOf(
    url,
    key,
    signal,
    given === undefined && config!.preset === 'cluster'
      ? '. That is where the configuration puts the API of this machine; name another engine of the cluster ' +
          'with --url or TIDEMILL_URL'
      : '',
  )
}

/**
 * Many processes may share a cluster's data directory, so none is in it: the API of this machine is where its
 * configuration says.
 */
function configuredAt({ api: { host, port } }: Config): string {
  if (port === 0)
    throw new CommandFailed(
      exits.usage,
      `the configuration lets the API take any free port: name an engine of the cluster with --url or TIDEMILL_URL`,
    )
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }
  return `http://${everywhere[host] ?? (host.includes(':') ? `[${host}]` : host)}:${port}`
}

async function runningIn(directory: string): Promise<string> {
  const holder = await readLock(directory)
  if (holder?.url !== undefined) return holder.url
  const starting = holder === undefined ? '' : `, though process ${holder.pid} is starting there`
  throw new CommandFailed(
    exits.dependency,
    `no engine is running in ${directory}${starting}; start one with 'tidemill start', or name one with ` +
      '--url or TIDEMILL_URL',
  )
}

/** The file that a demo engine leaves for the commands beside it; only its owner may read it. */
function demoKeyIn(directory: string): string | undefined {
  try {
    return readFileSync(dataPaths(directory).demoKey, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** `advice` follows the words that nobody answers. */
export function clientOf(url: string, key: string | undefined, signal: AbortSignal, advice = ''): Client {
  const send = async (
    path: string,
    init: {
      readonly method?: 'POST' | 'DELETE'
      readonly body?: string | Uint8Array<ArrayBuffer>
      readonly type?: string
    } = {},
  ): Promise<Response> => {
    if (key === undefined && path.startsWith('/api/'))
      throw new CommandFailed(
        exits.usage,
        `no key: give one with --key or TIDEMILL_KEY ('tidemill keys create' makes one)`,
      )
    try {
      const { type, ...rest } = init
      const headers = {
        ...(type !== undefined && { 'content-type': type }),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      }
      return await fetch(`${url}${path}`, { ...rest, headers, signal })
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
      for (let attempt = 1; ; attempt++) {
        const response = await send(path, { method: 'POST', body, type })
        const answer = { status: response.status, body: await bodyOf(response) }
        if (answer.status !== 503 && answer.status !== 429) return answer
        if (attempt === attempts) throw failure(answer.status, answer.body)
        await systemClock.sleep(retryAfterMs(response), signal)
        signal.throwIfAborted()
      }
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

/** The error that an answer stands for, in the engine's own words. */
export function failure(status: number, body: unknown): CommandFailed {
  const { title, detail, code, instance, errors } = (
    typeof body === 'object' && body !== null ? body : {}
  ) as ProblemBody
  const words =
    detail ?? title ?? (typeof body === 'string' && body !== '' ? body.slice(0, 200) : 'no reason was given')
  const fields = (errors ?? []).map(({ field, message }) => `\n  ${field}: ${message}`).join('')
  const occurrence = status >= 500 && instance !== undefined ? `\n  the engine's log has it as ${instance}` : ''
  return new CommandFailed(
    exitOf(status),
    `the engine answered ${status}${code === undefined ? '' : ` ${code}`}: ${words}${fields}${occurrence}`,
  )
}

const exitOf = (status: number): ExitCode =>
  status === 503 || status === 507 || status === 429 ? exits.dependency : exits.failed
