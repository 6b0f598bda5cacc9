import type { Command } from 'commander'
import { loadConfig } from '../config.js'
import type { Check } from '../engine.js'
import { readLock, type LockHolder } from '../lock.js'
import { checked, clockCheck, directoryCheck, engineChecks, keysCheck, lockText, modelsCheck, nodeCheck, streamsCheck } from './doctor-checks.js'
import { CommandFailed, exits } from './exit.js'
import { givenSettings, settingFlags } from './options.js'
import { storeChecks } from './store-checks.js'
import { print, printJson, styled, type Terminal } from './terminal.js'

export function doctorCommand(parent: Command, terminal: Terminal): void {
  const command = settingFlags(parent.command('doctor'), ['dataDirectory', 'streams.paths', 'models.directory'])
    .summary('check everything an engine needs')
    .description('Looks at this machine, the configuration, the streams and models, and the data directory: through its engine while one runs, else into every store. Exit code 5 when a check fails.')
    .option('--config <file>', 'the configuration to check with')
    .option('--json', 'print JSON instead of text')
  command.action(async (options: { config?: string; json?: boolean }) => {
    const config = loadConfig({ flags: givenSettings(command), ...(options.config !== undefined && { configPath: options.config }) })
    const checks: Check[] = [await nodeCheck(), await directoryCheck(config), await keysCheck(config), await streamsCheck(config), await modelsCheck(config)]
    let holder: LockHolder | undefined
    checks.push(await checked('lock', async () => ((holder = await readLock(config.dataDirectory)) === undefined ? 'free' : lockText(holder))))
    if (holder !== undefined) checks.push(...(await runningChecks(holder, terminal)))
    else if (checks.at(-1)!.result === 'ok') {
      const { storesIn } = await import('../tasks.js')
      checks.push(await clockCheck(config), ...(await storeChecks(config, storesIn(config), terminal.interrupted)))
    }
    await report(checks, options.json === true, terminal)
  })
}

/** The stores belong to the engine while it runs; what it says of itself stands for them. */
async function runningChecks({ pid, url }: LockHolder, terminal: Terminal): Promise<readonly Check[]> {
  const engine: readonly Check[] = url === undefined ? [{ name: 'engine', result: 'skipped', detail: `process ${pid} is starting` }] : await engineChecks(url, terminal.interrupted)
  return [...engine, { name: 'stores', result: 'skipped', detail: 'in use by the engine; stop it to have every record checked' }]
}

async function report(checks: readonly Check[], json: boolean, terminal: Terminal): Promise<void> {
  const failed = checks.filter(({ result }) => result === 'failed')
  if (json) await printJson(terminal, { ok: failed.length === 0, checks })
  else {
    const mark = { ok: styled(terminal, 'out', 'green', 'ok     '), failed: styled(terminal, 'out', 'red', 'FAILED '), skipped: styled(terminal, 'out', 'dim', 'skipped') }
    const width = Math.max(...checks.map(({ name }) => name.length))
    await print(terminal, checks.map(({ name, result, detail }) => `${mark[result]} ${name.padEnd(width)}  ${detail}\n`).join(''))
  }
  if (failed.length > 0) throw new CommandFailed(exits.check, `${failed.length} of ${checks.length} checks failed`)
}
