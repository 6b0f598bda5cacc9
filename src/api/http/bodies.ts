/** Bodies of requests: compressed or not, and only UTF-8, because replaced bytes would join different ids. */
import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errnoOf, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { compressionOf, notUtf8, otherEncoding, withoutMark } from '../../base/utf8.js'
import { parseLines } from './batch.js'
import { Refusal } from './problems.js'

type Decompress = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>

/** The content encodings of requests. */
const encodings: Readonly<Record<string, Decompress>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  'x-gzip': promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
  br: promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress),
}
const accepted = 'gzip, deflate, br'

/** Reads JSON, lines of JSON and Avro. Bodies that curl calls forms (`curl -d '{...}'`) are JSON. */
export function acceptBodies(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
    if (encoding === 'identity' || encoding === '') return payload
    const decompress = Object.hasOwn(encodings, encoding) ? encodings[encoding] : undefined
    if (decompress === undefined) {
      void reply.header('accept-encoding', accepted)
      throw new Refusal(
        'UNSUPPORTED_TYPE',
        `The body has Content-Encoding ${encoding.slice(0, 60)}; send ${accepted}, or no encoding.`,
      )
    }
    return decompressed(encoding, await bytesOf(payload), decompress)
  })
  const checked = app.getDefaultJsonParser('error', 'error')
  const json = ['application/json', 'application/x-www-form-urlencoded']
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<Buffer>(json, { parseAs: 'buffer' }, (request, body, done) => {
    const text = textOf(body, request)
    if (text === '') throw new Refusal('BAD_JSON', 'The body is empty.')
    if (!hasEvents(request)) return void checked(request, text, done)
    done(null, parsed(text))
  })
  app.addContentTypeParser<Buffer>('application/x-ndjson', { parseAs: 'buffer' }, (request, body, done) => {
    refuseCharset(request)
    const other = otherEncoding(body)
    if (other !== undefined) throw notJson(`not UTF-8: it looks like ${other}`, body)
    done(null, parseLines(body))
  })
  app.addContentTypeParser<Buffer>(['application/avro', 'avro/binary'], { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
}

/** Each event of these bodies is checked on its own, so that none decides for the others. */
const hasEvents = ({ routeOptions: { config } }: FastifyRequest): boolean =>
  config.scope === 'events:write' || config.scope === 'predict'

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refusal('BAD_JSON', `The body is no JSON: ${messageOf(error).slice(0, 200)}`)
  }
}

function textOf(body: Buffer, request: FastifyRequest): string {
  refuseCharset(request)
  if (!isUtf8(body)) throw notJson(notUtf8(body), body)
  const other = otherEncoding(body)
  if (other !== undefined) throw notJson(`not UTF-8: it looks like ${other}`, body)
  return withoutMark(body).toString('utf8')
}

const notJson = (what: string, body: Buffer): Refusal =>
  new Refusal(
    'BAD_JSON',
    `The body is ${what}.${compressionOf(body) === undefined ? '' : ' Name the compression in Content-Encoding.'}`,
  )

/** JSON is UTF-8 (RFC 8259), whatever its content type claims; another claim is a mistake of the sender. */
function refuseCharset({ headers }: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^(utf-?8|us-ascii|ascii)$/i.test(charset))
    throw new Refusal('UNSUPPORTED_TYPE', `The body has charset ${charset.slice(0, 60)}; send UTF-8.`)
}

const tooLarge = (): Refusal =>
  new Refusal('TOO_LARGE', `The body has more than ${limits.apiBodyBytes} bytes, compressed or decompressed.`)

async function bytesOf(payload: Readable): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of payload as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > limits.apiBodyBytes) throw tooLarge()
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Fastify compares `receivedEncodedLength` with the content length. */
async function decompressed(
  encoding: string,
  bytes: Buffer,
  decompress: Decompress,
): Promise<Readable & { readonly receivedEncodedLength: number }> {
  try {
    const whole = await decompress(bytes, { maxOutputLength: limits.apiBodyBytes })
    return Object.assign(Readable.from([whole], { objectMode: false }), { receivedEncodedLength: bytes.length })
  } catch (error) {
    if (errnoOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw new Refusal('BAD_REQUEST', `The body is not ${encoding}, which Content-Encoding names: ${messageOf(error)}`)
  }
}
