import type { Command } from 'commander'
import { clientEnvironment, loadConfig, type Config } from '../../config/load.js'
import type { Check } from '../../contracts/checks.js'
import { readLock, type LockHolder } from '../../base/lock.js'
import {
  checked,
  clockCheck,
  directoryCheck,
  engineChecks,
  keysCheck,
  lockText,
  nodeCheck,
  streamsCheck,
} from './local-checks.js'
import { modelsCheck } from './models-check.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { everySetting, givenSettings, numberWithin } from '../terminal/options.js'
import { storeChecks } from './store-checks.js'
import { print, printJson, styled, type Terminal } from '../terminal/terminal.js'

interface DoctorOptions {
  readonly config?: string
  readonly json?: boolean
  readonly url?: string
  readonly maxLag?: number
}

export function doctorCommand(parent: Command, terminal: Terminal): void {
  const command = everySetting(parent.command('doctor'), [
    'preset',
    'dataDirectory',
    'streams.builtin',
    'streams.paths',
    'models.directory',
    'models.serve',
    'kafka.brokers',
    'redis.nodes',
    'clickhouse.url',
    'schemaRegistry.url',
  ])
    .summary('check everything that an engine needs')
    .description(
      'Checks this machine, the configuration, the streams and the models. With the embedded preset it also checks ' +
        'the data directory: through the engine while one runs, else every store. With the cluster preset it checks ' +
        'every server: topics, lag of each group, Redis, ClickHouse, registry, and the positions of state and ' +
        'warehouse in the log. Changes nothing. Exit code 5 when a check fails.',
    )
    .option('--url <url>', 'URL of an engine of the cluster that must be ready too (TIDEMILL_URL)')
    .option(
      '--max-lag <records>',
      'fail when a consumer group has a larger lag; only with the cluster preset',
      numberWithin(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--config <file>', 'configuration file to check (TIDEMILL_CONFIG)')
    .option('--json', 'print JSON instead of text')
  command.action(async (options: DoctorOptions) => {
    const config = loadConfig({
      flags: givenSettings(command),
      ...(options.config !== undefined && { configPath: options.config }),
    })
    const checks = [
      await nodeCheck(),
      await directoryCheck(config),
      await keysCheck(config),
      await streamsCheck(config),
      await modelsCheck(config),
    ]
    const more =
      config.preset === 'cluster' ? await onServers(config, options, terminal) : await inDirectory(config, terminal)
    await report([...checks, ...more], options.json === true, terminal)
  })
}

async function onServers(
  config: Config,
  { url = clientEnvironment().url, maxLag }: DoctorOptions,
  terminal: Terminal,
): Promise<readonly Check[]> {
  const [{ clusterChecks }, tasks] = await Promise.all([
    import('./cluster-checks.js'),
    import('../../compose/tasks.js'),
  ])
  const engine = url === undefined ? [] : await engineChecks(url.replace(/\/+$/, ''), terminal.interrupted)
  return [...(await clusterChecks(config, { ...tasks, servers: tasks.clusterServers(config) }, maxLag)), ...engine]
}

async function inDirectory(config: Config, terminal: Terminal): Promise<readonly Check[]> {
  let holder: LockHolder | undefined
  const lock = await checked('lock', async () =>
    (holder = await readLock(config.dataDirectory)) === undefined ? 'free' : lockText(holder),
  )
  if (holder !== undefined) return [lock, ...(await runningChecks(holder, terminal))]
  if (lock.result !== 'ok') return [lock]
  const { storesIn } = await import('../../compose/tasks.js')
  return [lock, await clockCheck(config), ...(await storeChecks(config, storesIn(config), terminal.interrupted))]
}

/** While an engine runs it holds the stores, so its own checks replace those of the stores. */
async function runningChecks({ pid, url }: LockHolder, terminal: Terminal): Promise<readonly Check[]> {
  const engine: readonly Check[] =
    url === undefined
      ? [{ name: 'engine', result: 'skipped', detail: `process ${pid} is starting` }]
      : await engineChecks(url, terminal.interrupted)
  return [
    ...engine,
    { name: 'stores', result: 'skipped', detail: 'in use by the engine; stop it to check every record' },
  ]
}

async function report(checks: readonly Check[], json: boolean, terminal: Terminal): Promise<void> {
  const failed = checks.filter(({ result }) => result === 'failed')
  if (json) await printJson(terminal, { ok: failed.length === 0, checks })
  else {
    const mark = {
      ok: styled(terminal, 'out', 'green', 'ok     '),
      failed: styled(terminal, 'out', 'red', 'FAILED '),
      skipped: styled(terminal, 'out', 'dim', 'skipped'),
    }
    const width = Math.max(...checks.map(({ name }) => name.length))
    await print(
      terminal,
      checks.map(({ name, result, detail }) => `${mark[result]} ${name.padEnd(width)}  ${detail}\n`).join(''),
    )
  }
  if (failed.length > 0) throw new CommandFailed(exits.check, `${failed.length} of ${checks.length} checks failed`)
}
