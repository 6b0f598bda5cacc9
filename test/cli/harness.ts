import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { afterAll } from 'vitest'
import { run } from '../../src/cli/program.js'
import type { Terminal } from '../../src/cli/terminal/terminal.js'

/** A terminal whose output the test can read. */
export interface Screen extends Terminal {
  readonly data: () => string
  readonly said: () => string
  interrupt(): void
}

export function screen(input = '', tty?: { readonly columns: number }): Screen {
  const out = new PassThrough()
  const err = new PassThrough()
  const texts = { out: '', err: '' }
  out.on('data', (bytes: Buffer) => (texts.out += bytes.toString()))
  err.on('data', (bytes: Buffer) => (texts.err += bytes.toString()))
  const interrupted = new AbortController()
  return {
    in: Readable.from(input === '' ? [] : [Buffer.from(input)]),
    out,
    err: tty === undefined ? err : Object.assign(err, { isTTY: true, ...tty }),
    colour: false,
    interrupted: interrupted.signal,
    data: () => texts.out,
    said: () => texts.err,
    interrupt: () => interrupted.abort(),
  }
}

export interface Ran {
  readonly exit: number
  readonly data: string
  readonly said: string
}

/** Runs a command line to its end. */
export async function tidemill(args: readonly string[], input = ''): Promise<Ran> {
  const terminal = screen(input)
  const exit = await run(args, terminal)
  return { exit, data: terminal.data(), said: terminal.said() }
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly key: string | undefined
  readonly body: string
}

export interface Given {
  readonly status?: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A server that answers like an engine, and the requests that it received. */
export async function answering(
  answer: (asked: Asked, times: number) => Given,
): Promise<{ readonly url: string; readonly asked: readonly Asked[]; close(): void }> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const one: Asked = {
        method: request.method!,
        url: request.url!,
        key: request.headers.authorization?.replace('Bearer ', ''),
        body,
      }
      asked.push(one)
      const { status = 200, body: answered, headers = {} } = answer(one, asked.length)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answered))
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Starts such servers for the tests of a file and closes them afterwards. */
export function engines(): typeof answering {
  const closing: (() => void)[] = []
  afterAll(() => closing.forEach((close) => close()))
  return async (answer) => {
    const started = await answering(answer)
    closing.push(() => started.close())
    return started
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of request) text += String(bytes)
  return text
}
