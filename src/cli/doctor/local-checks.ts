import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemClock } from '../../base/clock.js'
import { dataPaths, packagePath, type Config } from '../../config/load.js'
import { freeBytes } from '../../base/disk.js'
import type { Check } from '../../contracts/engine.js'
import { messageOf } from '../../base/errors.js'
import { compile } from '../../features/plan/compile.js'
import { limits } from '../../base/limits.js'
import type { LockHolder } from '../../base/lock.js'
import { listModels, readModel } from '../../scorers/model-store.js'
import { chooseStreams } from '../../streams/choose.js'

const gibibytes = (bytes: number): number => bytes / 2 ** 30
/** More than a request takes, and less than what anybody's time server allows. */
export const clockToleranceMs = 5_000

/** A check that fails by throwing and says what it found. */
export async function checked(name: string, look: () => Promise<string> | string): Promise<Check> {
  try {
    return { name, result: 'ok', detail: await look() }
  } catch (error) {
    return { name, result: 'failed', detail: messageOf(error) }
  }
}

export const nodeCheck = (): Promise<Check> =>
  checked('node', async () => {
    const { engines } = JSON.parse(await readFile(packagePath('package.json'), 'utf8')) as { engines: { node: string } }
    const least = engines.node.replace(/^>=/, '')
    const [wanted, found] = [least, process.versions.node].map((version) => version.split('.').map(Number))
    const newer = found!.map((part, i) => part - (wanted![i] ?? 0)).find((difference) => difference !== 0) ?? 0
    if (newer < 0) throw new Error(`this is Node ${process.versions.node}; ${least} or newer is needed`)
    return `${process.versions.node} on ${process.platform} ${process.arch}`
  })

/** The directory, or the nearest one above that exists: whether it can be written and has room. */
export const directoryCheck = (config: Config): Promise<Check> =>
  checked('data directory', async () => {
    let directory = config.dataDirectory
    while (!existsSync(directory)) directory = dirname(directory)
    if (!statSync(directory).isDirectory()) throw new Error(`${directory} is not a directory`)
    accessSync(directory, constants.W_OK)
    const free = await freeBytes(directory)
    if (free < limits.leastFreeBytes)
      throw new Error(
        `${config.dataDirectory} has ${gibibytes(free).toFixed(1)} GiB left; ` +
          `${gibibytes(limits.leastFreeBytes)} are the least to run with`,
      )
    return (
      `${config.dataDirectory}, ${gibibytes(free).toFixed(0)} GiB ` +
      `free${directory === config.dataDirectory ? '' : ' (not there yet)'}`
    )
  })

export const keysCheck = (config: Config): Promise<Check> =>
  checked('keys', () => {
    const secret = [
      ...Object.values(dataPaths(config.dataDirectory)).filter((path) => /key/.test(path)),
      ...(config.kafka.keyFile === undefined ? [] : [config.kafka.keyFile]),
    ]
    const open = secret.filter((path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0)
    if (open.length > 0) throw new Error(`others may read ${open.join(' and ')}; run chmod 600`)
    return existsSync(dataPaths(config.dataDirectory).keys) ? 'readable by their owner alone' : 'none yet'
  })

export const streamsCheck = (config: Config): Promise<Check> =>
  checked('streams', async () =>
    (await chooseStreams(config.streams))
      .map((stream) => `${stream.name} (${compile(stream).width} features)`)
      .join(', '),
  )

/**
 * Every model of a family that a stream names: its bytes against its manifest, its fingerprint against the stream's.
 */
export const modelsCheck = (config: Config): Promise<Check> =>
  checked('models', async () => {
    const names = await listModels(config.models.directory)
    const problems: string[] = []
    const found: string[] = []
    for (const stream of await chooseStreams(config.streams)) {
      const { fingerprint } = compile(stream)
      const ofStream = names.filter((name) => name.family === stream.model)
      if (stream.model !== undefined && ofStream.length === 0) found.push(`${stream.name}: none, the heuristic serves`)
      for (const name of ofStream) {
        const label = `${name.family}/${name.scope}/${name.version}`
        try {
          const { manifest } = await readModel(config.models.directory, name)
          if (manifest.fingerprint === fingerprint) found.push(label)
          else
            problems.push(
              `${label} was trained on features ${manifest.fingerprint}, stream ${stream.name} has ${fingerprint}`,
            )
        } catch (error) {
          problems.push(messageOf(error))
        }
      }
    }
    if (problems.length > 0) throw new Error(problems.join('; '))
    return found.join(', ') || 'no stream names a family'
  })

interface Readiness {
  readonly ready: boolean
  readonly checks: readonly {
    readonly check: string
    readonly ok: boolean
    readonly detail: string
    readonly attention?: boolean
  }[]
}

/** A running engine's own word, and how far its clock is from ours. */
export async function engineChecks(url: string, signal: AbortSignal): Promise<readonly Check[]> {
  let response: Response
  const askedMs = systemClock.nowMs()
  try {
    response = await fetch(`${url}/readyz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) })
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return [{ name: 'engine', result: 'failed', detail: `${url} does not answer (${messageOf(cause)})` }]
  }
  const answeredMs = systemClock.nowMs()
  const { ready, checks } = (await response.json()) as Readiness
  const dateMs = Date.parse(response.headers.get('date') ?? '')
  // The header has whole seconds, and was written somewhere between asking and answering.
  const apartMs = Math.max(0, askedMs - 1_000 - dateMs, dateMs - answeredMs)
  return [
    { name: 'engine', result: ready ? 'ok' : 'failed', detail: `${url} is ${ready ? 'ready' : 'not ready'}` },
    ...checks.map(({ check, ok, detail, attention }): Check => ({
      name: `engine: ${check}`,
      result: ok && attention !== true ? 'ok' : 'failed',
      detail,
    })),
    Number.isNaN(dateMs)
      ? { name: 'clock', result: 'skipped', detail: 'the answer has no date' }
      : {
          name: 'clock',
          result: apartMs <= clockToleranceMs ? 'ok' : 'failed',
          detail:
            apartMs === 0
              ? "the engine's clock and this one agree"
              : `the engine's clock is ${apartMs} ms from this one`,
        },
  ]
}

/** Without an engine: nothing in the data directory may come from the future, or new events would look old. */
export const clockCheck = (config: Config): Promise<Check> =>
  checked('clock', () => {
    const nowMs = systemClock.nowMs()
    const newestMs = Math.max(
      0,
      ...Object.values(dataPaths(config.dataDirectory)).map(
        (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
      ),
    )
    if (newestMs > nowMs + clockToleranceMs)
      throw new Error(
        `the data directory was written at ${new Date(newestMs).toISOString()}, and now it is ` +
          `${new Date(nowMs).toISOString()}: the clock went back`,
      )
    return new Date(nowMs).toISOString()
  })

export const lockText = (holder: LockHolder): string =>
  `held by process ${holder.pid} since ${holder.startedAt}${holder.url === undefined ? '' : `, ${holder.url}`}`
