import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemClock } from '../../base/clock.js'
import { dataPaths, packagePath, type Config } from '../../config/load.js'
import { freeBytes } from '../../base/disk.js'
import type { Check, ReadinessCheck } from '../../contracts/checks.js'
import { messageOf } from '../../base/errors.js'
import { compile } from '../../features/plan/compile.js'
import { limits } from '../../base/limits.js'
import type { LockHolder } from '../../base/lock.js'
import { chooseStreams } from '../../streams/choose.js'

const gibibytes = (bytes: number): number => bytes / 2 ** 30
/** More than a request takes, and far more than clocks differ that follow a time server. */
export const clockToleranceMs = 5_000

/** Runs a check: `examine` resolves with the detail, or throws when the check fails. */
export async function checked(name: string, examine: () => Promise<string> | string): Promise<Check> {
  try {
    return { name, result: 'ok', detail: await examine() }
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

/** Whether the data directory, or its nearest existing parent, is writable and has room. */
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
          `the engine needs ${gibibytes(limits.leastFreeBytes)}`,
      )
    return (
      `${config.dataDirectory}, ${gibibytes(free).toFixed(0)} GiB ` +
      `free${directory === config.dataDirectory ? '' : ' (does not exist yet)'}`
    )
  })

export const keysCheck = (config: Config): Promise<Check> =>
  checked('keys', () => {
    const secret = [
      ...Object.values(dataPaths(config.dataDirectory)).filter((path) => /key/.test(path)),
      ...(config.kafka.keyFile === undefined ? [] : [config.kafka.keyFile]),
    ]
    const open = secret.filter((path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0)
    if (open.length > 0) throw new Error(`other users may read ${open.join(' and ')}; run chmod 600`)
    return existsSync(dataPaths(config.dataDirectory).keys) ? 'only their owner may read them' : 'none yet'
  })

export const streamsCheck = (config: Config): Promise<Check> =>
  checked('streams', async () =>
    (await chooseStreams(config.streams))
      .map((stream) => `${stream.name} (${compile(stream).width} features)`)
      .join(', '),
  )

interface Readiness {
  readonly ready: boolean
  readonly checks: readonly ReadinessCheck[]
}

/** The checks that a running engine reports, and how far its clock is from this one. */
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
  // The header has whole seconds, and the engine wrote it between the request and the answer.
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

/** Without an engine: no file of the data directory may be from the future, or new events would look old. */
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
        `the data directory was written at ${new Date(newestMs).toISOString()}, but now it is ` +
          `${new Date(nowMs).toISOString()}: the clock was set back`,
      )
    return new Date(nowMs).toISOString()
  })

export const lockText = (holder: LockHolder): string =>
  `held by process ${holder.pid} since ${holder.startedAt}${holder.url === undefined ? '' : `, ${holder.url}`}`
