import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { which } from '../scripts/services/start-process.js'

/** Keys and certificates that are made for one test, as files of its directory. */
export interface Certificates {
  path(name: string): string
  pem(name: string): Buffer
  /** An authority of its own: `<name>.pem`, `<name>.key`. */
  authority(name: string, subject: string): void
  /** A key and a certificate that the authority `ca` has signed. */
  issue(name: string, subject: string, extension: string): void
}

export function certificatesIn(directory: string): Certificates {
  assert.ok(which('openssl'), 'the tests of TLS make their certificates with openssl: install the package openssl')
  const path = (name: string): string => join(directory, name)
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = (name: string): string[] => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    path(`${name}.key`),
  ]
  return {
    path,
    pem: (name) => readFileSync(path(name)),
    authority: (name, subject) =>
      void openssl('req', '-x509', ...newKey(name), '-subj', subject, '-days', '2', '-out', path(`${name}.pem`)),
    issue(name, subject, extension) {
      writeFileSync(path(`${name}.ext`), extension)
      openssl('req', ...newKey(name), '-subj', subject, '-out', path(`${name}.csr`))
      openssl(
        'x509',
        '-req',
        '-in',
        path(`${name}.csr`),
        '-CA',
        path('ca.pem'),
        '-CAkey',
        path('ca.key'),
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        path(`${name}.ext`),
        '-out',
        path(`${name}.pem`),
      )
    },
  }
}
