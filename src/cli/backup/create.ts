import { hostname } from 'node:os'
import { existsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { systemClock } from '../../base/clock.js'
import { dataPaths, loadConfig, packageVersion, type Config } from '../../config/load.js'
import { compileStream } from '../../consumers/ground/compiled.js'
import { createBackup, type Described } from '../../consumers/backup/create.js'
import { filesBelow, type OnBytes } from '../../consumers/backup/files.js'
import type { GatheredFiles } from '../../consumers/backup/gather-files.js'
import { gatherData, type StoreHolder } from '../../consumers/backup/gather-data.js'
import { backupFormat, type Manifest } from '../../consumers/backup/manifest.js'
import { readLock } from '../../base/lock.js'
import { chooseStreams } from '../../streams/choose.js'
import { engineHolder } from './holder.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import type { Terminal } from '../terminal/terminal.js'

export interface CreateOptions {
  readonly data?: string
  readonly config?: string
  readonly to: string
  readonly name?: string
}

export type OnStep = (step: string, bytes: number) => void

/** Makes a backup of a data directory, through its engine when one runs. */
export async function create(
  { data, config: configPath, to, name }: CreateOptions,
  terminal: Terminal,
  onProgress: OnStep,
): Promise<{ readonly path: string; readonly manifest: Manifest }> {
  const config = loadConfig({
    servers: ['kafka'],
    flags: data === undefined ? {} : { dataDirectory: data },
    ...(configPath !== undefined && { configPath }),
  })
  const configuration = await configurationFiles(config)
  return createBackup({
    to,
    format: backupFormat,
    signal: terminal.interrupted,
    onProgress,
    name: name ?? `tidemill-${new Date(systemClock.nowMs()).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`,
    gather: (folder, onBytes) => gather(config, configuration, folder, onBytes, terminal.interrupted),
  })
}

async function gather(
  config: Config,
  configuration: Configuration,
  folder: string,
  onBytes: OnBytes,
  interrupted: AbortSignal,
): Promise<Described> {
  const directory = config.dataDirectory
  const url = config.preset === 'embedded' ? await runningAt(directory) : undefined
  const files = { paths: dataPaths(directory), givenModels: config.models.directory, configuration }
  const held =
    config.preset === 'embedded'
      ? await gatherDirectory(config, files, url, folder, onBytes, interrupted)
      : await (await import('../../compose/backups.js')).gatherFromCluster(config, files, folder, interrupted, onBytes)
  return {
    ...held,
    build: { version: packageVersion(), node: process.versions.node, platform: `${process.platform} ${process.arch}` },
    host: hostname(),
    preset: config.preset,
    source: { directory, running: url !== undefined },
    streams: (await chooseStreams(config.streams))
      .map(compileStream)
      .map(({ stream, plan, stateIdentity }) => ({
        name: stream.name,
        topic: stream.topic,
        partitions: stream.partitions,
        fingerprint: plan.fingerprint,
        stateIdentity,
      })),
    configuration: configuration.map(({ file, from }) => ({ file, from })),
  }
}

async function gatherDirectory(
  config: Config,
  files: GatheredFiles,
  url: string | undefined,
  folder: string,
  onBytes: OnBytes,
  interrupted: AbortSignal,
): Promise<Pick<Manifest, 'takenAt' | 'log'>> {
  const directory = config.dataDirectory
  const paths = dataPaths(directory)
  if (!existsSync(paths.log))
    throw new CommandFailed(
      exits.configuration,
      `${directory} holds no data of an engine; name the data directory with --data or --config`,
    )
  const { checkLogFile, ownStores } = await import('../../compose/backups.js')
  const holder: StoreHolder =
    url === undefined ? ownStores(config, interrupted) : engineHolder(url, directory, interrupted)
  return gatherData({ ...files, clock: systemClock, holder, paths, checkLogFile }, folder, onBytes)
}

/** The URL of the engine of a directory; undefined when none runs. */
async function runningAt(directory: string): Promise<string | undefined> {
  const engine = await readLock(directory)
  if (engine !== undefined && engine.url === undefined)
    throw new CommandFailed(
      exits.dependency,
      `process ${engine.pid} holds ${directory} and does not answer yet; try again later`,
    )
  return engine?.url
}

type Configuration = readonly { readonly from: string; readonly file: string }[]

/** The configuration file and the user's streams; a replay needs the same features. Each path gets its own folder. */
async function configurationFiles({ file, streams }: Config): Promise<Configuration> {
  const ofStreams = await Promise.all(
    streams.paths.map(async (path, i) => {
      const folder = join('streams', String(i + 1))
      if (!statSync(path).isDirectory()) return [{ from: path, file: join(folder, basename(path)) }]
      const below = (await filesBelow(path)).filter((one) => !/(^|\/)(node_modules|\.[^/]*)\//.test(one))
      return below.map((one) => ({ from: join(path, one), file: join(folder, one) }))
    }),
  )
  return [...(file === undefined ? [] : [{ from: file, file: basename(file) }]), ...ofStreams.flat()]
}
