import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { registry as service } from '../../../scripts/services/registry.js'

/** A real registry for the tests of a file. */
export interface RegistryServer {
  /** Its URL, the same after a restart. */
  readonly url: string
  stop(): Promise<void>
  /** Starts it again after `stop`, with all its schemas; resolves when it answers. */
  startAgain(): Promise<void>
}

/** The first start on a machine downloads 160 MB. */
const startTimeoutMs = 10 * 60_000

/**
 * Starts a registry before the tests of this file and stops it after them. If it cannot run, the tests are skipped
 * with a message.
 */
export function registryServer(): () => RegistryServer {
  const missing = service.missing()
  let server: RegistryServer | undefined
  let directory: string
  let running: Awaited<ReturnType<typeof service.start>> | undefined

  beforeAll(async () => {
    if (missing !== undefined)
      return void process.stderr.write(`\n!!! NOT RUN: tests against a schema registry: ${missing}\n\n`)
    directory = await mkdtemp(join(tmpdir(), 'tidemill-registry-'))
    running = await service.start({ directory })
    const { ports, variables } = running
    server = {
      url: variables['TIDEMILL_SCHEMA_REGISTRY_URL']!,
      stop: async () => running?.stop('SIGKILL'),
      async startAgain() {
        running = await service.start({ directory, ports })
      },
    }
  }, startTimeoutMs)
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing)
  })
  afterAll(async () => {
    if (missing !== undefined) return
    await running?.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return () => server!
}
