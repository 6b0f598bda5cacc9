import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { clickhouse } from '../../scripts/services/clickhouse.js'
import { missing, startCluster } from '../../scripts/services/cluster.js'
import { kafka } from '../../scripts/services/kafka.js'
import { redis } from '../../scripts/services/redis.js'
import type { Service } from '../../scripts/services/start-process.js'
import type { Config } from '../../src/config/load.js'

export interface TestPreset {
  readonly name: Config['preset']
  /** What the environment of an engine says: the preset, and where its servers are. Read it within a hook or a test. */
  readonly variables: Readonly<Record<string, string>>
}

/** What a cluster of the engine cannot do without. A schema registry is for those who ask for it. */
export const stores: readonly Service[] = [kafka, redis, clickhouse]

/** Tests that hold for every preset: each in a block of its own, on servers of its own where it needs some. */
export function onEveryPreset(tests: (preset: TestPreset) => void): void {
  describe('the embedded preset', () => tests({ name: 'embedded', variables: { TIDEMILL_PRESET: 'embedded' } }))
  onCluster(stores, tests)
}

/**
 * Tests on real servers, which start before them and are gone after them: topics, keys and tables are nobody else's.
 * Where the machine lacks one, or something else that they need, one skipped test stands for them, and what is missing
 * is said aloud.
 */
export function onCluster(
  services: readonly Service[],
  tests: (preset: TestPreset) => void,
  alsoMissing?: string,
): void {
  const lacking = [...missing([...services]), ...(alsoMissing === undefined ? [] : [alsoMissing])]
  describe('the cluster preset', () => {
    if (lacking.length > 0) {
      process.stderr.write(`\n!!! NOT RUN: tests of the cluster preset: ${lacking.join('; ')}\n\n`)
      test('runs on the servers of this machine', ({ skip }) => skip(lacking.join('; ')))
      return
    }
    let directory: string
    let running: Awaited<ReturnType<typeof startCluster>>
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tidemill-cluster-'))
      running = await startCluster(directory, [...services])
    }, fetchTimeoutMs)
    afterAll(async () => {
      await running.stop('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    })
    tests({
      name: 'cluster',
      get variables() {
        return running.variables
      },
    })
  })
}

/** The first start on a machine fetches jars. */
const fetchTimeoutMs = 10 * 60_000
