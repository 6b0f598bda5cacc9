import { resolve } from 'node:path'
import type { Command } from 'commander'
import { bytesOf, type Manifest } from '../../consumers/backup/manifest.js'
import { listBackups, verifyBackup, type Listed } from '../../consumers/backup/verify.js'
import { demandEmpty } from '../../consumers/backup/restore.js'
import { dataPaths, loadConfig, type Config } from '../../config/load.js'
import { create, type CreateOptions } from './create.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { bytesText, stepsOn, type Steps } from '../terminal/progress.js'
import { count, print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'

interface Json {
  readonly json?: boolean
}

const usualPlace = './backups'

export function backupCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('backup')
    .summary('back up and restore a data directory')
    .description(
      'A backup is a folder with a manifest and a copy of a data directory: log, warehouse, models, control ' +
        'decisions, keys (their hashes), and the configuration and stream files. It has no state; the log rebuilds ' +
        'it. With the cluster preset it has control decisions, models, keys and configuration only, because the ' +
        'servers have backups of their own.',
    )

  createOn(group, terminal)
  verifyOn(group, terminal)
  restoreOn(group, terminal)
  listOn(group, terminal)
}

function createOn(group: Command, terminal: Terminal): void {
  group
    .command('create')
    .summary('make a backup, with or without a running engine')
    .description(
      'Copies a data directory. A running engine continues to take and score events. The backup holds every event ' +
        'that was acknowledged before the engine fixed the end of the log. When the command fails, it leaves nothing ' +
        'that looks like a backup.',
    )
    .option('--to <directory>', 'directory of the backups', usualPlace)
    .option('--name <name>', 'name of this backup (default: tidemill- and the time)')
    .option('--data <directory>', 'the data directory (default: ./data)')
    .option(
      '--config <file>',
      'configuration file that names the data directory (TIDEMILL_CONFIG); the backup also holds it and its ' +
        'stream files',
    )
    .option('--json', 'print JSON instead of text')
    .action(async (options: CreateOptions & Json) => {
      const { path, manifest } = await watched(terminal, ({ update }) =>
        create({ ...options, to: resolve(options.to) }, terminal, update),
      )
      if (options.json === true) return printJson(terminal, summary(path, manifest))
      await print(terminal, `${path}\n`)
      printMessage(
        terminal,
        `${count(manifest.files.length)} files, ${bytesText(bytesOf(manifest))}, ` +
          `${count(recordsOf(manifest))} records of ${manifest.log.length} partitions; 'tidemill backup ` +
          `verify' checks every byte`,
      )
    })
}

function verifyOn(group: Command, terminal: Terminal): void {
  group
    .command('verify')
    .summary('check every byte of a backup')
    .description(
      'Compares every file with the manifest and prints each file that is missing, cut, changed or not part of the ' +
        'backup. Exit code 5 when there is one.',
    )
    .argument('<backup>', 'folder of the backup')
    .option('--json', 'print JSON instead of text')
    .action(async (backup: string, options: Json) => {
      const path = resolve(backup)
      const { manifest, problems } = await verified(path, terminal)
      if (options.json === true)
        await printJson(terminal, {
          ok: problems.length === 0,
          problems,
          ...(manifest === undefined ? { backup: path } : summary(path, manifest)),
        })
      else if (manifest !== undefined && problems.length === 0)
        await print(
          terminal,
          `ok ${count(manifest.files.length)} files, ${bytesText(bytesOf(manifest))}, taken at ` +
            `${manifest.takenAt} by build ${manifest.build.version}\n`,
        )
      refuseDamaged(path, problems)
    })
}

function restoreOn(group: Command, terminal: Terminal): void {
  group
    .command('restore')
    .summary('restore a backup into an empty data directory')
    .description(
      'Verifies a backup and restores it into an empty or missing directory, on any machine. The next start folds ' +
        'the state from the log and continues. Exit code 5 when the backup is damaged, 2 when the directory is not ' +
        'empty.',
    )
    .argument('<backup>', 'folder of the backup')
    .option('--data <directory>', 'the data directory to restore into (default: ./data)')
    .option('--config <file>', 'configuration file that names the data directory (TIDEMILL_CONFIG)')
    .option('--json', 'print JSON instead of text')
    .action(async (backup: string, options: Json & Pick<CreateOptions, 'data' | 'config'>) => {
      const path = resolve(backup)
      const config = loadConfig({
        servers: ['kafka'],
        flags: options.data === undefined ? {} : { dataDirectory: options.data },
        ...(options.config !== undefined && { configPath: options.config }),
      })
      const { dataDirectory } = config
      await demandEmpty(dataDirectory, dataPaths(dataDirectory).restoring, 'check')
      const { manifest, problems } = await verified(path, terminal)
      refuseDamaged(path, problems)
      await restored(path, manifest!, config, terminal)
      if (options.json === true) return printJson(terminal, { directory: dataDirectory, ...summary(path, manifest!) })
      await print(terminal, `${dataDirectory}\n`)
      printMessage(terminal, restoredText(manifest!, config))
    })
}

function listOn(group: Command, terminal: Terminal): void {
  group
    .command('list')
    .summary('list the backups of a directory')
    .option('--in <directory>', 'directory of the backups', usualPlace)
    .option('--json', 'print JSON instead of text')
    .action(async (options: Json & { readonly in: string }) => {
      const backups = await listBackups(resolve(options.in))
      if (options.json === true) return printJson(terminal, { directory: resolve(options.in), backups })
      if (backups.length === 0) return printMessage(terminal, `no backups in ${options.in}`)
      await print(terminal, listText(backups))
    })
}

async function watched<T>(terminal: Terminal, work: (steps: Steps) => Promise<T>): Promise<T> {
  const steps = stepsOn(terminal)
  try {
    return await work(steps)
  } finally {
    steps.end()
  }
}

const verified = (path: string, terminal: Terminal): ReturnType<typeof verifyBackup> =>
  watched(terminal, ({ update }) => {
    let sum = 0
    return verifyBackup(path, (bytes) => {
      terminal.interrupted.throwIfAborted()
      update('checked', (sum += bytes))
    })
  })

function refuseDamaged(path: string, problems: readonly string[]): void {
  if (problems.length > 0)
    throw new CommandFailed(exits.check, `${path} is damaged:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}

async function restored(path: string, manifest: Manifest, config: Config, terminal: Terminal): Promise<void> {
  if (manifest.preset !== config.preset)
    throw new CommandFailed(
      exits.usage,
      `${path} is a backup of the preset '${manifest.preset}', but the configuration has '${config.preset}'`,
    )
  const { restoreInto, restoreToCluster } = await import('../../compose/backups.js')
  await watched(terminal, async ({ update }) => {
    let sum = 0
    const onBytes = (bytes: number): void => {
      terminal.interrupted.throwIfAborted()
      update('restored', (sum += bytes))
    }
    if (config.preset === 'embedded')
      return restoreInto(config.dataDirectory, path, manifest, terminal.interrupted, onBytes)
    for (const { topic, next, inBackup } of await restoreToCluster(config, path, manifest, onBytes))
      printMessage(
        terminal,
        `topic ${topic} has records up to offset ${next - 1} and stays unchanged; the backup has records up to ` +
          `${inBackup - 1}`,
      )
  })
}

function restoredText({ takenAt, configuration }: Manifest, { preset, dataDirectory }: Config): string {
  const start =
    preset === 'cluster' ? '' : `; 'tidemill start --data ${dataDirectory}' folds the state from the log and continues`
  const files =
    configuration.length === 0 ? '' : `. Its configuration and stream files are in ${dataDirectory}/configuration`
  return `restored as of ${takenAt}${start}${files}`
}

const recordsOf = ({ log }: Manifest): number => log.reduce((sum, { first, next }) => sum + next - first, 0)

const summary = (path: string, manifest: Manifest): object => {
  const { files, ...rest } = manifest
  return { backup: path, ...rest, files: files.length, bytes: bytesOf(manifest) }
}

const listText = (backups: readonly Listed[]): string =>
  table<Listed>(
    [
      { title: 'name', cell: (one) => one.name },
      { title: 'taken at', cell: (one) => (one.standing === 'whole' ? one.takenAt : '-') },
      { title: 'size', cell: (one) => (one.standing === 'whole' ? bytesText(one.bytes) : '-'), right: true },
      { title: 'events', cell: (one) => (one.standing === 'whole' ? count(one.events) : '-'), right: true },
      { title: 'build', cell: (one) => (one.standing === 'whole' ? one.version : '-') },
      { title: 'of', cell: (one) => (one.standing === 'whole' ? one.host : `${one.standing}: ${one.detail}`) },
    ],
    backups,
  )
