import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { which } from '../../scripts/services/start-process.js'
import { isEngineError } from '../../src/errors.js'
import { openClickhouseWarehouse, type ClickhouseOptions } from '../../src/sinks/clickhouse-warehouse.js'
import { login, startFront } from './clickhouse.js'

let directory: string
let front: Awaited<ReturnType<typeof startFront>>
const path = (name: string): string => join(directory, name)
const pem = (name: string): Buffer => readFileSync(path(name))

/** A key and a certificate that the authority has signed. */
function issue(name: string, subject: string, extension: string): void {
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path(`${name}.key`)]
  if (name.startsWith('ca')) return void openssl('req', '-x509', ...key, '-subj', subject, '-days', '2', '-out', path(`${name}.pem`))
  writeFileSync(path(`${name}.ext`), extension)
  openssl('req', ...key, '-subj', subject, '-out', path(`${name}.csr`))
  openssl('x509', '-req', '-in', path(`${name}.csr`), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', path(`${name}.ext`), '-out', path(`${name}.pem`))
}

beforeAll(async () => {
  assert.ok(which('openssl'), 'the tests of TLS make their certificates with openssl: install the package openssl')
  directory = await mkdtemp(join(tmpdir(), 'tidemill-tls-'))
  issue('ca', '/CN=An authority', '')
  issue('ca-other', '/CN=Another authority', '')
  issue('server', '/CN=clickhouse', 'subjectAltName=IP:127.0.0.1')
  issue('client', `/CN=${login.user}`, 'extendedKeyUsage=clientAuth')
  issue('stranger', '/CN=stranger', 'extendedKeyUsage=clientAuth')
  front = await startFront({ tls: { cert: path('server.pem'), key: path('server.key'), ca: path('ca.pem') } })
})
afterAll(async () => {
  await front.remove()
  await rm(directory, { recursive: true })
})

const client = (name = 'client') => ({ ca: pem('ca.pem'), cert: pem(`${name}.pem`), key: pem(`${name}.key`) })
const open = (change: Partial<ClickhouseOptions>) => openClickhouseWarehouse({ url: front.url, username: login.user, password: login.password, database: 'tidemill', ...change })

async function works(change: Partial<ClickhouseOptions>): Promise<void> {
  const warehouse = await open(change)
  assert.deepEqual(await warehouse.query('SELECT 1 AS one'), [{ one: 1 }])
  await warehouse.close()
}

const misconfigured = (words: RegExp) => (error: unknown) => isEngineError(error, 'BAD_CONFIG') && words.test(error.message)

test('a server of a private authority is believed when the authority is given', async () => {
  await works({ tls: client() })
  await expect(open({ tls: { ...client(), ca: pem('ca-other.pem') } })).rejects.toSatisfy(misconfigured(/check the certificates/))
  await expect(open({})).rejects.toSatisfy(misconfigured(/check the certificates/))
})

test('a certificate opens the line, and with a password it is the password that logs in', async () => {
  await works({ tls: client('stranger') })
  await expect(open({ tls: client(), password: 'wrong' })).rejects.toSatisfy(misconfigured(/check user name and password/))
})

test('without a password the certificate logs in, for its own name alone', async () => {
  await works({ tls: client(), password: '' })
  await expect(open({ tls: client('stranger'), password: '' })).rejects.toSatisfy(misconfigured(/check user name and password/))
})

test('a certificate that is none is refused before anything is sent, and not shown', async () => {
  await expect(open({ tls: { ...client(), key: Buffer.from('hush-hush') } })).rejects.toSatisfy((error: unknown) => misconfigured(/certificates are not usable/)(error) && !String(error).includes('hush'))
})
