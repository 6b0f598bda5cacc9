// TEST FIXTURE, not a ClickHouse server: as much of ClickHouse's HTTP interface as clients use, over chDB, in a process
// of its own. It answers as a server does (headers, codes, texts) and, told so on its control port, as a sick one does.
// It has no sessions, roles, clusters or progress headers. Its configuration is one JSON object in FRONT_OPTIONS.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip, gzipSync } from 'node:zlib'
import { Exception, openEngine } from './clickhouse-engine.js'
import { notSettings, ofTheInterface, statusOf } from './clickhouse-statuses.js'

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */

/**
 * How to be sick. `matching` is a pattern over the statement (all, where absent), `times` for how many of them (for
 * ever, where absent). `slow`: waits `delayMs` first. `refuse`: 503 without a word of ClickHouse. `exception`: one of
 * the server's, `code`, `type` and `text`. `cut-before`: drops the connection and runs nothing. `cut-within`: runs it
 * and drops the connection in the middle of the answer. `stall-within`: the same, but keeps the connection and says
 * nothing more. `cut-after`: runs it and drops the connection without an answer. `unreachable`: nobody listens until
 * the faults are taken back.
 * @typedef {object} Fault
 * @property {'slow' | 'refuse' | 'exception' | 'cut-before' | 'cut-within' | 'stall-within' | 'cut-after' |
 *   'unreachable'} kind
 * @property {string} [matching]
 * @property {number} [times]
 * @property {number} [delayMs]
 * @property {number} [code]
 * @property {string} [type]
 * @property {string} [text]
 */

/**
 * @type {{ directory: string, ports: [number, number], host?: string, user?: string, password?: string, tls?: { cert:
 * string, key: string, ca?: string } }}
 */
const options = JSON.parse(process.env['FRONT_OPTIONS'] ?? '')
const { user = 'default', password = '' } = options
const engine = openEngine(options.directory)
/** @type {Fault[]} */
let faults = []
/** @type {{ sql: string, settings: Record<string, string>, bytes: number }[]} */
const seen = []

/** @param {IncomingMessage} request */
async function bodyOf(request) {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  const body = Buffer.concat(pieces)
  return request.headers['content-encoding'] === 'gzip' ? promisify(gunzip)(body) : body
}

/**
 * The parts of a form, where the client sends long parameters as one. @param {IncomingMessage} request @param {Buffer}
 * body
 */
async function formOf(request, body) {
  const type = request.headers['content-type'] ?? ''
  if (!type.startsWith('multipart/form-data')) return undefined
  const form = await new Response(body, { headers: { 'content-type': type } }).formData()
  return [...form].map(([name, value]) => /** @type {const} */ ([name, String(value)]))
}

/** @param {IncomingMessage} request @param {URLSearchParams} url */
function authenticate({ headers, socket }, url) {
  const [, basic] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? []
  const [basicUser, ...rest] = Buffer.from(basic ?? '', 'base64')
    .toString()
    .split(':')
  const given = {
    user: headers['x-clickhouse-user'] ?? (basicUser || url.get('user') || 'default'),
    password: headers['x-clickhouse-key'] ?? (basic === undefined ? (url.get('password') ?? '') : rest.join(':')),
  }
  if (headers['x-clickhouse-ssl-certificate-auth'] === 'on') {
    const { subject } = /** @type {import('node:tls').TLSSocket} */ (socket).getPeerCertificate()
    if (given.user === user && subject?.CN === user) return
  } else if (given.user === user && given.password === password) return
  throw new Exception(
    516,
    'AUTHENTICATION_FAILED',
    `${String(given.user)}: Authentication failed: password is incorrect, or there is no user with such name.`,
  )
}

/** The statement of a request. @param {IncomingMessage} request @param {URLSearchParams} url @param {Buffer} body */
async function statementOf(request, url, body) {
  const form = await formOf(request, body)
  const named = [...url, ...(form ?? [])]
  const inUrl = new Map(named).get('query')
  const text = form === undefined ? body : Buffer.alloc(0)
  const settings = Object.fromEntries(named.filter(([name]) => !notSettings.has(name) && !name.startsWith('param_')))
  const split =
    inUrl === undefined
      ? /^\s*INSERT\s+INTO\s[^;]*?\sFORMAT\s+(?!Values\b)\w+[ \t]*\r?\n/i.exec(text.toString('latin1'))
      : null
  const [sql, data] =
    inUrl !== undefined
      ? [inUrl, text]
      : split === null
        ? [text.toString(), Buffer.alloc(0)]
        : [text.subarray(0, split[0].length).toString(), text.subarray(split[0].length)]
  seen.push({ sql: sql.slice(0, 500), settings, bytes: body.length })
  return {
    sql,
    data,
    database: url.get('database') ?? undefined,
    format: url.get('default_format') ?? String(request.headers['x-clickhouse-format'] ?? 'TabSeparated'),
    settings: Object.fromEntries(
      Object.entries({ ...settings, ...(request.method === 'GET' ? { readonly: '2' } : {}) }).filter(
        ([name]) => !ofTheInterface.test(name),
      ),
    ),
    params: Object.fromEntries(
      named.filter(([name]) => name.startsWith('param_')).map(([name, value]) => [name.slice('param_'.length), value]),
    ),
  }
}

/** The first fault for this statement, used up once. @param {string} sql */
function faultFor(sql) {
  const fault = faults.find(({ matching, times }) => times !== 0 && new RegExp(matching ?? '', 'i').test(sql))
  if (fault?.times !== undefined) fault.times -= 1
  return fault
}

/** @param {IncomingMessage} request @param {ServerResponse} response */
async function answer(request, response) {
  const url = new URL(request.url ?? '/', 'http://front')
  // Ends an upload that is under way, too.
  const asked = url.searchParams.get('query')
  const early = asked === null ? undefined : faultFor(asked)
  if (early?.kind === 'cut-before') return void request.socket.destroy()
  const body = await bodyOf(request)
  if (url.pathname === '/ping' || (url.pathname === '/' && request.method === 'GET' && asked === null))
    return void response.end('Ok.\n')
  response.setHeader('X-ClickHouse-Query-Id', url.searchParams.get('query_id') ?? '')
  authenticate(request, url.searchParams)
  const statement = await statementOf(request, url.searchParams, body)
  const fault = asked === null ? faultFor(statement.sql) : early
  if (fault?.kind === 'slow') await sleep(fault.delayMs, undefined, { ref: false })
  if (fault?.kind === 'cut-before') return void request.socket.destroy()
  if (fault?.kind === 'refuse')
    return void response.writeHead(503, { 'Content-Type': 'text/plain' }).end('no healthy upstream')
  if (fault?.kind === 'exception')
    throw new Exception(fault.code ?? 0, fault.type ?? '', fault.text ?? 'so the control port says.')
  const result = await engine.run(statement)
  const within = fault?.kind === 'cut-within' || fault?.kind === 'stall-within'
  if (fault?.kind === 'cut-after') return void request.socket.destroy()
  const zipped =
    url.searchParams.get('enable_http_compression') === '1' &&
    /\bgzip\b/.test(String(request.headers['accept-encoding']))
  const bytes = zipped ? gzipSync(result.body) : Buffer.from(result.body)
  const written = /^\s*INSERT\b/i.test(statement.sql)
  const counts = {
    read_rows: result.rows,
    read_bytes: result.bytes,
    written_rows: written ? result.rows : 0,
    written_bytes: written ? result.bytes : 0,
    result_rows: written ? 0 : result.rows,
    result_bytes: bytes.length,
    elapsed_ns: result.elapsedNs,
  }
  response.writeHead(200, {
    'X-ClickHouse-Summary': JSON.stringify(
      Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)])),
    ),
    'X-ClickHouse-Format': statement.format,
    ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
    'Content-Length': bytes.length + (within ? 10 : 0),
  })
  if (!within) return void response.end(bytes)
  response.write(
    bytes.length === 0 ? '\n' : bytes.subarray(0, bytes.length >> 1),
    () => fault?.kind === 'cut-within' && request.socket.destroy(),
  )
}

/** @param {IncomingMessage} request @param {ServerResponse} response */
function handle(request, response) {
  answer(request, response).catch((error) => {
    if (response.headersSent || request.socket.destroyed) return void request.socket.destroy()
    const { code, type, message } =
      error instanceof Exception ? error : new Exception(1002, 'UNKNOWN_EXCEPTION', String(error))
    response.writeHead(statusOf(type), {
      'X-ClickHouse-Exception-Code': String(code),
      'Content-Type': 'text/plain; charset=UTF-8',
    })
    response.end(`${message} (version 26.7.2.1 (official build))\n`)
  })
}

const [port, controlPort] = options.ports
const tls = options.tls && {
  cert: readFileSync(options.tls.cert),
  key: readFileSync(options.tls.key),
  ...(options.tls.ca === undefined
    ? {}
    : { ca: readFileSync(options.tls.ca), requestCert: true, rejectUnauthorized: true }),
}
const front = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
front.keepAliveTimeout = 10_000

/** @returns {Promise<void>} */
const opened = () =>
  new Promise((resolve) => (front.listening ? resolve() : front.listen(port, options.host ?? '127.0.0.1', resolve)))
/** @returns {Promise<void>} */
const shut = () => new Promise((resolve) => (front.close(() => resolve()), front.closeAllConnections()))

// POST a fault, DELETE all of them, GET what was asked so far.
const control = createServer((request, response) => {
  void (async () => {
    if (request.method === 'POST') {
      const fault = /** @type {Fault} */ (JSON.parse((await bodyOf(request)).toString()))
      if (fault.kind === 'unreachable') await shut()
      else faults.push(fault)
    } else if (request.method === 'DELETE') {
      faults = []
      seen.length = 0
      await opened()
    }
    response.end(JSON.stringify(seen))
  })()
})

process.once('SIGTERM', () => {
  void Promise.all([shut(), new Promise((resolve) => (control.close(resolve), control.closeAllConnections()))]).then(
    () => engine.close(),
  )
})
await opened()
control.listen(controlPort, '127.0.0.1')
