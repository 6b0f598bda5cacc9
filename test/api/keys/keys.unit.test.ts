import { expect, test } from 'vitest'
import { createKey, keyRing, maySee } from '../../../src/api/keys/keys.js'

const { key, record } = createKey({ name: 'gate 4', tenant: 'acme', scopes: ['predict'] }, 1_000)

test('a key verifies to its tenant and scopes', () => {
  expect(keyRing([record]).verify(key, 2_000)).toEqual({ id: record.id, tenant: 'acme', scopes: new Set(['predict']) })
})

test('the record contains the hash of the key, not the secret', () => {
  expect(key).toMatch(/^tm_[0-9a-f]{12}_[\w-]{43}$/)
  const secret = key.slice(16)
  expect(JSON.stringify(record)).not.toContain(secret)
  expect(record.sha256).toMatch(/^[0-9a-f]{64}$/)
})

test('a wrong character anywhere in the secret fails', () => {
  const ring = keyRing([record])
  for (let i = 16; i < key.length; i++) {
    const other = key[i] === 'A' ? 'B' : 'A'
    expect(ring.verify(key.slice(0, i) + other + key.slice(i + 1), 2_000)).toBeUndefined()
  }
})

test.each([
  '',
  'tm_',
  key.slice(0, -1),
  `${key}x`,
  key.toUpperCase(),
  ` ${key}`,
  createKey({ name: '', tenant: 'acme', scopes: [] }, 0).key,
])('%s is not a key', (text) => {
  expect(keyRing([record]).verify(text, 2_000)).toBeUndefined()
})

test('a key is valid until its expiry', () => {
  const ring = keyRing([{ ...record, expiresAtMs: 5_000 }])
  expect([ring.verify(key, 4_999)?.id, ring.verify(key, 5_000)]).toEqual([record.id, undefined])
})

test('a tenant may see itself, the operator every tenant', () => {
  expect([
    maySee({ tenant: 'acme' }, 'acme'),
    maySee({ tenant: 'acme' }, 'globex'),
    maySee({ tenant: 'acme' }, '*'),
    maySee({ tenant: '*' }, 'globex'),
  ]).toEqual([true, false, false, true])
})
