import { strict as assert } from 'node:assert'
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { endOf } from '../../../src/cli/terminal/exit.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { KafkaLogOptions } from '../../../src/log/kafka/log.js'
import { certificatesIn, type Certificates } from '../../certificates.js'
import { kafkaForTests } from './broker.js'

const user = { username: 'engine', password: 'hush-hush' } as const

let certificates: Certificates
const broker = kafkaForTests((directory) => {
  certificates = certificatesIn(directory)
  certificates.authority('ca', '/CN=An authority')
  certificates.authority('ca-other', '/CN=Another authority')
  certificates.issue('broker', '/CN=broker', 'subjectAltName=IP:127.0.0.1')
  const certificate = certificates.path('keystore.pem')
  writeFileSync(certificate, Buffer.concat([certificates.pem('broker.key'), certificates.pem('broker.pem')]))
  return { certificate, ...user }
})

const secured = (
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512',
  change: Partial<KafkaLogOptions> = {},
): Partial<KafkaLogOptions> => ({
  brokers: [broker.secureAddress],
  tls: { ca: certificates.pem('ca.pem') },
  sasl: { mechanism, ...user },
  ...change,
})

/**
 * Whether an error is to be retried as an unreachable dependency, contains these words, and contains no secret.
 */
const turnedAway = (words: RegExp, secret: string) => (error: unknown) => {
  assert.ok(isEngineError(error, 'LOG_DOWN'), String(error))
  assert.equal(endOf(error).exit, 4)
  assert.match(error.message, words)
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause)
    assert.ok(!JSON.stringify(inner, Object.getOwnPropertyNames(inner)).includes(secret), inner.message)
  return true
}

for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const)
  test(`over TLS with ${mechanism} records are appended, read and shared in a group`, async () => {
    const log = await broker.open(secured(mechanism))
    const at = { topic: broker.topic(), partition: 0 }
    await log.ensure({ topic: at.topic, partitions: 1 })
    await log.append(at, [{ key: null, value: Buffer.from(mechanism) }])
    const reader = log.reader(at)
    const [record] = await reader.read(0, { records: 10, bytes: 1_000 }, new AbortController().signal)
    assert.equal(record?.value?.toString(), mechanism)
    const group = `group-${mechanism}`
    const assigned = new Promise<number>((resolve, reject) => {
      log.join(group, [at.topic], async ({ partition }) => resolve(partition)).catch(reject)
    })
    assert.equal(await assigned, 0)
    assert.equal(await log.membersOf(group), 1)
  })

test('the error for a wrong password names the credentials and shows none', async () => {
  for (const mechanism of ['plain', 'scram-sha-512'] as const)
    await assert.rejects(
      broker.open(secured(mechanism, { sasl: { mechanism, username: user.username, password: 'gue55' } })),
      turnedAway(/Check the credentials/, 'gue55'),
    )
})

test('the error names the certificate when its authority is not trusted', async () => {
  await assert.rejects(
    broker.open(secured('plain', { tls: { ca: certificates.pem('ca-other.pem') } })),
    turnedAway(/certificate.*Check kafka\.caFile/, user.password),
  )
  await assert.rejects(
    broker.open(secured('plain', { tls: true })),
    turnedAway(/certificate.*Check kafka\.caFile/, user.password),
  )
})

test('the error of a client without TLS at a TLS listener names the setting', async () => {
  await assert.rejects(broker.open({ brokers: [broker.secureAddress] }), turnedAway(/kafka\.tls/, user.password))
})
