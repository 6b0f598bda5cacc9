import { isAbsolute, relative } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { loadConfig, type Config } from '../../config/load.js'
import type { Role } from '../../config/settings.js'
import type { Engine, StartEngine } from '../../contracts/engine.js'
import { letHeapGrow } from './heap.js'
import { givenSettings, settingFlags } from '../terminal/options.js'
import { liveOn, type Live } from './live-table.js'
import { startTogether } from './workers.js'
import { count, duration, print, printMessage, styled, type Terminal } from '../terminal/terminal.js'

const redrawIntervalMs = 1_000

export function startCommand(parent: Command, terminal: Terminal): void {
  const command = settingFlags(
    parent
      .command('start')
      .summary('run the engine')
      .description(
        'Runs the engine, its API and the demo, a simulator that sends events to score. Ctrl-C finishes what is in ' +
          'flight and stops it.',
      )
      .option('--config <file>', 'YAML file with settings (TIDEMILL_CONFIG)'),
  )
  command.action(async (options: { config?: string }) => {
    const config = loadConfig({
      flags: givenSettings(command),
      ...(options.config !== undefined && { configPath: options.config }),
    })
    letHeapGrow()
    // Imported here, so that the other commands start without loading the engine's native libraries.
    const { startEngine } = await import('../../compose/engine.js')
    await runEngine(config, config.workers > 1 ? startTogether(startEngine) : startEngine, terminal)
  })
}

/** Runs an engine until Ctrl-C or until it fails; resolves when everything is closed. */
export async function runEngine(config: Config, startEngine: StartEngine, terminal: Terminal): Promise<void> {
  const live = liveOn(terminal)
  if (config.tenants.length === 0)
    printMessage(
      terminal,
      styled(
        terminal,
        'err',
        'yellow',
        "The configuration names no tenant. Only tenants that 'tidemill tenants add' added are scored; events of " +
          "others become dead letters. Name tenants with --tenants, or 'any'.",
      ),
    )
  const engine = await startEngine(config, {
    signal: terminal.interrupted,
    log: { write: (line) => live.line(terminal.err.isTTY === true ? readable(line, terminal) : line.trimEnd()) },
  })
  try {
    await print(terminal, welcome(config, engine, terminal))
    await Promise.race([watch(engine, live, terminal.interrupted), engine.failed])
  } finally {
    live.show(engine.snapshot())
    live.end()
    printMessage(terminal, 'Stopping: the engine finishes what is in flight. Ctrl-C again ends it at once ...')
    await engine.stop()
  }
  printMessage(terminal, `Stopped after ${duration(engine.snapshot().uptimeMs)}; ${whereDataIs(config)}.`)
}

function whereDataIs({ ephemeral, preset, dataDirectory }: Config): string {
  if (ephemeral) return 'all data is removed'
  return preset === 'cluster' ? 'all data is on the servers' : `all data is in ${shortened(dataDirectory)}`
}

async function watch(engine: Engine, live: Live, interrupted: AbortSignal): Promise<void> {
  while (!interrupted.aborted) {
    live.show(engine.snapshot())
    await systemClock.sleep(redrawIntervalMs, interrupted)
  }
}

function welcome(config: Config, engine: Engine, terminal: Terminal): string {
  const { scoring, warehouse, demo } = config
  const title = (text: string): string => styled(terminal, 'out', 'bold', text.padEnd(10))
  const tenants =
    typeof config.tenants === 'string'
      ? config.tenants
      : config.tenants.length === 0
        ? 'that were added'
        : config.tenants.map(({ id }) => id).join(', ')
  const moved =
    config.api.anyPort && !engine.url.endsWith(`:${config.api.port}`) ? `  (port ${config.api.port} was taken)` : ''
  const lines = [
    ...(config.roles.includes('api')
      ? [
          `${title('API')} ${engine.url}/api/v2${moved}`,
          `${title('Docs')} ${engine.url}/docs   ${engine.url}/openapi.json`,
        ]
      : []),
    `${title('Metrics')} ${engine.url}/metrics   ${engine.url}/readyz`,
    ...(config.preset === 'cluster'
      ? [
          `${title('Servers')} ${serversText(config)}`,
          `${title('Roles')} ` +
            `${config.roles.join(', ')}${config.workers > 1 ? `; ${config.workers} workers on this machine` : ''}`,
        ]
      : []),
    `${title(config.preset === 'cluster' ? 'Keys' : 'Data')} ` +
      (config.ephemeral
        ? `a temporary directory, removed on stop; other commands need --url ${engine.url} --key ...`
        : shortened(config.dataDirectory)),
    `${title('Settings')} state commits every ${scoring.commitIntervalMs} ms (up to ` +
      `${scoring.commitIntervalMaxMs} under load), chunks of up to ${count(scoring.chunkRecords)}, raw events ` +
      `${warehouse.rawEvents ? `kept ${warehouse.retentionDays} days` : 'not stored'}, tenants ${tenants}`,
    `${title('Demo')} ` +
      (demo.enabled ? `${demo.rate} events/s from the simulator; --no-demo starts without it` : 'off'),
    ...(engine.demoKey === undefined
      ? []
      : [
          `${title('Demo key')} ${engine.demoKey}`,
          `${title('Try')} curl -H 'Authorization: Bearer ${engine.demoKey}' ` +
            `'${engine.url}/api/v2/predictions?risk=high&limit=3'`,
        ]),
  ]
  return `\n${lines.join('\n')}\n`
}

/** The servers that the roles use, without user names and passwords. */
export function serversText({ roles, kafka, redis, clickhouse, schemaRegistry }: Config): string {
  const bare = (url: string): string =>
    URL.canParse(url) ? `${new URL(url).origin}${new URL(url).pathname.replace(/\/$/, '')}` : 'an invalid address'
  const needs = (...some: readonly Role[]): boolean => some.some((role) => roles.includes(role))
  return [
    `Kafka ${kafka.brokers.join(', ')}`,
    ...(needs('scoring', 'api') ? [`Redis ${redis.nodes.join(', ')}`] : []),
    ...(needs('warehouse', 'api') && clickhouse.url !== undefined ? [`ClickHouse ${bare(clickhouse.url)}`] : []),
    ...(schemaRegistry.url === undefined ? [] : [`schema registry ${bare(schemaRegistry.url)}`]),
  ].join('; ')
}

/** A path relative to the working directory where it is below it. */
function shortened(path: string): string {
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : `./${fromHere}`
}

const levels: Readonly<Record<number, readonly ['red' | 'yellow' | 'dim', string]>> = {
  60: ['red', 'fatal'],
  50: ['red', 'error'],
  40: ['yellow', 'warning'],
  30: ['dim', 'info'],
}

/** Formats a log line for a terminal: level, message, the error's message, and the other fields. */
function readable(line: string, terminal: Terminal): string {
  try {
    const { level, msg, err, worker, ...rest } = JSON.parse(line) as {
      level?: number
      worker?: number
      msg?: string
      err?: { message?: string }
    }
    const more = Object.entries(rest)
      .filter(([name]) => name !== 'time')
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    const [style, word] = levels[level ?? 30] ?? ['dim', 'debug']
    const origin = worker === undefined ? '' : `worker ${worker}: `
    const cause = err?.message === undefined || err.message === msg ? '' : `: ${err.message}`
    const fields = more.length === 0 ? '' : ` (${more.join(' ')})`
    return `${origin}${styled(terminal, 'err', style, word)} ${msg ?? ''}${cause}${fields}`
  } catch {
    return line.trimEnd()
  }
}
