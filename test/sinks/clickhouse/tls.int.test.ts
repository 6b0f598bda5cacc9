import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { openClickhouseWarehouse, type ClickhouseOptions } from '../../../src/sinks/clickhouse/warehouse.js'
import { certificatesIn, type Certificates } from '../../certificates.js'
import { login, startFront } from './clickhouse.js'

let directory: string
let certificates: Certificates
let front: Awaited<ReturnType<typeof startFront>>
const path = (name: string): string => certificates.path(name)
const pem = (name: string): Buffer => certificates.pem(name)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemill-tls-'))
  certificates = certificatesIn(directory)
  const { authority, issue } = certificates
  authority('ca', '/CN=An authority')
  authority('ca-other', '/CN=Another authority')
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
const open = (change: Partial<ClickhouseOptions>) =>
  openClickhouseWarehouse({
    url: front.url,
    username: login.user,
    password: login.password,
    database: 'tidemill',
    ...change,
  })

async function works(change: Partial<ClickhouseOptions>): Promise<void> {
  const warehouse = await open(change)
  assert.deepEqual(await warehouse.query('SELECT 1 AS one'), [{ one: 1 }])
  await warehouse.close()
}

const misconfigured = (words: RegExp) => (error: unknown) =>
  isEngineError(error, 'BAD_CONFIG') && words.test(error.message)

test('a server of a private authority is trusted when the authority is given', async () => {
  await works({ tls: client() })
  await expect(open({ tls: { ...client(), ca: pem('ca-other.pem') } })).rejects.toSatisfy(
    misconfigured(/check the certificates/),
  )
  await expect(open({})).rejects.toSatisfy(misconfigured(/check the certificates/))
})

test('with a certificate and a password, the password logs in', async () => {
  await works({ tls: client('stranger') })
  await expect(open({ tls: client(), password: 'wrong' })).rejects.toSatisfy(
    misconfigured(/check user name and password/),
  )
})

test('without a password the certificate logs in, for its own name only', async () => {
  await works({ tls: client(), password: '' })
  await expect(open({ tls: client('stranger'), password: '' })).rejects.toSatisfy(
    misconfigured(/check user name and password/),
  )
})

test('an invalid certificate is refused before anything is sent, and the error does not show it', async () => {
  await expect(open({ tls: { ...client(), key: Buffer.from('hush-hush') } })).rejects.toSatisfy(
    (error: unknown) => misconfigured(/certificates are not usable/)(error) && !String(error).includes('hush'),
  )
})
