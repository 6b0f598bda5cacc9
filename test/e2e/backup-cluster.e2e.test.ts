import { strict as assert } from 'node:assert'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, test } from 'vitest'
import { kafka } from '../../scripts/services/kafka.js'
import { startCluster } from '../../scripts/services/cluster.js'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, loadConfig, type Config } from '../../src/config/load.js'
import type { LogRecord } from '../../src/log/event-log.js'
import { storesIn } from '../../src/compose/tasks.js'
import { tidemill } from '../cli/harness.js'
import { onCluster } from './presets.js'
import { controlTopic } from '../../src/consumers/ground/topic-names.js'

onCluster([kafka], (preset) => {
  describe('a backup of an engine on servers', () => {
    let directory: string
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tidemill-backup-'))
      return () => rm(directory, { recursive: true, force: true })
    })

    /** A configuration on a broker, as a file. */
    async function configured(
      name: string,
      brokers: string,
    ): Promise<{ readonly file: string; readonly config: Config }> {
      const file = join(directory, `${name}.json`)
      await writeFile(
        file,
        JSON.stringify({
          preset: 'cluster',
          dataDirectory: join(directory, name),
          kafka: { brokers: brokers.split(',') },
        }),
      )
      return { file, config: loadConfig({ variables: {}, configPath: file, servers: ['kafka'] }) }
    }

    async function decisions(config: Config): Promise<readonly Pick<LogRecord, 'key' | 'value' | 'timestampMs'>[]> {
      const log = await storesIn(config).openLog()
      const reader = log.reader(controlTopic)
      const read = await reader.read(0, { records: 10, bytes: 1_000_000 }, new AbortController().signal)
      await reader.close()
      await log.close()
      return read.map(({ key, value, timestampMs }) => ({ key, value, timestampMs }))
    }

    test(
      'brings its decisions, models, keys and configuration to other servers, and leaves a topic alone that holds some',
      { timeout: 120_000 },
      async () => {
        const here = await configured('here', preset.variables['TIDEMILL_KAFKA_BROKERS']!)
        const log = await storesIn(here.config).openLog()
        for (const topic of ['control', 'models']) await log.ensure({ topic, partitions: 1 })
        await log.append(
          controlTopic,
          ['one', 'two'].map((why, i) => ({
            key: Buffer.from('family/global'),
            value: Buffer.from(JSON.stringify({ why })),
            timestampMs: 1_767_686_400_000 + i,
          })),
        )
        await log.close()
        await mkdir(here.config.dataDirectory, { recursive: true })
        await openKeys(dataPaths(here.config.dataDirectory).keys, systemClock).create({
          name: 'gate 4',
          tenant: 'acme',
          scopes: ['read'],
        })
        const created = await tidemill([
          'backup',
          'create',
          '--config',
          here.file,
          '--to',
          join(directory, 'backups'),
          '--name',
          'one',
        ])
        assert.equal(created.exit, 0, created.said)
        const backup = join(directory, 'backups', 'one')
        assert.equal((await tidemill(['backup', 'verify', backup])).exit, 0)

        const other = await startCluster(join(directory, 'servers'), [kafka])
        try {
          const there = await configured('there', other.variables['TIDEMILL_KAFKA_BROKERS']!)
          const restored = await tidemill(['backup', 'restore', backup, '--config', there.file])
          assert.equal(restored.exit, 0, restored.said)
          assert.deepEqual(await decisions(there.config), await decisions(here.config))
          assert.deepEqual(
            readFileSync(join(there.config.dataDirectory, 'configuration', 'here.json')),
            readFileSync(here.file),
          )
          assert.ok(existsSync(join(there.config.dataDirectory, 'models', 'sync-conflict', 'global')))
          assert.deepEqual(
            readFileSync(dataPaths(there.config.dataDirectory).keys),
            readFileSync(dataPaths(here.config.dataDirectory).keys),
          )
          await rm(there.config.dataDirectory, { recursive: true })
          const again = await tidemill(['backup', 'restore', backup, '--config', there.file])
          assert.equal(again.exit, 0, again.said)
          assert.match(again.said, /topic control has records up to offset 1 and stays unchanged/)
        } finally {
          await other.stop('SIGKILL')
        }
      },
    )

    test('is not restored to an engine without servers', async () => {
      const { exit, said } = await tidemill([
        'backup',
        'restore',
        join(directory, 'backups', 'one'),
        '--data',
        join(directory, 'embedded'),
      ])
      assert.equal(exit, 2)
      assert.match(said, /is a backup of the preset 'cluster'/)
    })
  })
})
