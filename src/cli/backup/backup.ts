import { resolve } from 'node:path'
import type { Command } from 'commander'
import { bytesOf, type Manifest } from '../../consumers/backup/manifest.js'
import { listBackups, verifyBackup, type Listed } from '../../consumers/backup/verify.js'
import { demandEmpty } from '../../consumers/backup/restore.js'
import { dataPaths, loadConfig, type Config } from '../../config/load.js'
import { create, type CreateOptions } from './create.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { bytesText, stepsOn, type Steps } from '../terminal/progress.js'
import { count, print, printJson, say, table, type Terminal } from '../terminal/terminal.js'

interface Json {
  readonly json?: boolean
}

const usualPlace = './backups'

export function backupCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('backup')
    .summary('copy everything a machine holds, and bring it back')
    .description(
      'Backups of a data directory: its log, warehouse, models, control decisions and keys (their hashes), ' +
        'with the configuration and stream files that were named. A backup is a folder with a manifest; state ' +
        'is not in it, the log rebuilds it. With the preset cluster, whose servers have backups of their own: ' +
        'control decisions, models, keys and configuration.',
    )

  group
    .command('create')
    .summary('make a backup, whether the engine runs or not')
    .description(
      'Copies a data directory while its engine goes on taking and scoring events, or while it is stopped. ' +
        'What is acknowledged when the engine says how far its log is, is in the backup. Nothing that looks ' +
        'like a backup is left where it fails.',
    )
    .option('--to <directory>', 'where backups lie', usualPlace)
    .option('--name <name>', 'what this one is called (default: tidemill- and the time)')
    .option('--data <directory>', 'the data directory (default: ./data)')
    .option('--config <file>', 'the configuration that names it; copied, too, as are its stream files')
    .option('--json', 'print JSON instead of text')
    .action(async (options: CreateOptions & Json) => {
      const { path, manifest } = await watched(terminal, ({ update }) =>
        create({ ...options, to: resolve(options.to) }, terminal, update),
      )
      if (options.json === true) return printJson(terminal, summary(path, manifest))
      await print(terminal, `${path}\n`)
      say(
        terminal,
        `${count(manifest.files.length)} files, ${bytesText(bytesOf(manifest))}, ` +
          `${count(recordsOf(manifest))} records of ${manifest.log.length} partitions; 'tidemill backup ` +
          `verify' looks at every byte`,
      )
    })

  group
    .command('verify')
    .summary('look at every byte of a backup')
    .description(
      'Compares every file with the manifest. Exit code 5, and each damaged file by its name, where one is ' +
        'missing, cut, changed or not of the backup.',
    )
    .argument('<backup>', "a backup's folder")
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

  group
    .command('restore')
    .summary('fill an empty data directory')
    .description(
      'Verifies a backup and restores it into an empty or missing directory, on any machine. The next start ' +
        'there folds the state from the log and goes on. Exit code 5 where the backup is damaged, 2 where the ' +
        'directory is not empty.',
    )
    .argument('<backup>', "a backup's folder")
    .option('--data <directory>', 'the directory to fill (default: ./data)')
    .option('--config <file>', 'the configuration that names it')
    .option('--json', 'print JSON instead of text')
    .action(async (backup: string, options: Json & Pick<CreateOptions, 'data' | 'config'>) => {
      const path = resolve(backup)
      const config = loadConfig({
        servers: ['kafka'],
        flags: options.data === undefined ? {} : { dataDirectory: options.data },
        ...(options.config !== undefined && { configPath: options.config }),
      })
      const { dataDirectory } = config
      await demandEmpty(dataDirectory, dataPaths(dataDirectory).restoring, 'look')
      const { manifest, problems } = await verified(path, terminal)
      refuseDamaged(path, problems)
      await restored(path, manifest!, config, terminal)
      if (options.json === true) return printJson(terminal, { directory: dataDirectory, ...summary(path, manifest!) })
      await print(terminal, `${dataDirectory}\n`)
      say(
        terminal,
        'restored as of ' +
          `${manifest!.takenAt}${config.preset === 'cluster' ? '' : `; 'tidemill start --data ${dataDirectory}' folds the state from the log and goes on`}${manifest!.configuration.length === 0 ? '' : `. The configuration and stream files of then are in ${dataDirectory}/configuration`}`,
      )
    })

  group
    .command('list')
    .summary('the backups of a directory')
    .option('--in <directory>', 'where backups lie', usualPlace)
    .option('--json', 'print JSON instead of a table')
    .action(async (options: Json & { readonly in: string }) => {
      const backups = await listBackups(resolve(options.in))
      if (options.json === true) return printJson(terminal, { directory: resolve(options.in), backups })
      if (backups.length === 0) return say(terminal, `no backups in ${options.in}`)
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
    throw new CommandFailed(
      exits.check,
      `${path} cannot be relied on:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    )
}

async function restored(path: string, manifest: Manifest, config: Config, terminal: Terminal): Promise<void> {
  if (manifest.preset !== config.preset)
    throw new CommandFailed(
      exits.usage,
      `${path} is of the preset '${manifest.preset}', the configuration says '${config.preset}'`,
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
      say(
        terminal,
        `topic ${topic} has records up to offset ${next - 1} and was left alone; the backup has them up to ` +
          `${inBackup - 1}`,
      )
  })
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
