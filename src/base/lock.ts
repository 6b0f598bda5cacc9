import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, errnoOf, unless } from './errors.js'

/** Who holds a data directory. */
export interface LockHolder {
  readonly pid: number
  /** ISO 8601. */
  readonly startedAt: string
  /** Where the holder's API answers, once it does. */
  readonly url?: string
}

/**
 * Process ids are used again: a holder is the same only within one boot of the machine, started at the same tick of it.
 */
interface LockFile extends LockHolder {
  readonly bootId?: string
  readonly startTicks?: number
}

export interface Lock {
  /** Tells others what has become known since, such as the API's address. */
  update(change: { readonly url: string }): Promise<void>
  /** Gives the directory free. */
  release(): Promise<void>
}

const lockPath = (directory: string): string => join(directory, 'engine.lock')
/** Held for a moment by whoever replaces a stale lock, so that two do not both. */
const takeoverPath = (directory: string): string => join(directory, 'engine.lock.takeover')

/** Tells the attempts of one process apart. */
let attempts = 0

/** Ticks from boot to the start of a process; undefined where the system does not tell (anything but Linux). */
async function startTicksOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  // The second field is the command in parentheses and may hold anything; the start is the 20th after it.
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return ticks === undefined ? undefined : Number(ticks)
}

const bootIdNow = async (): Promise<string | undefined> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => undefined))?.trim()

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}

async function isAlive({ pid, bootId, startTicks }: LockFile): Promise<boolean> {
  if (!isRunning(pid)) return false
  const bootedSince = bootId !== undefined && bootId !== (await bootIdNow())
  const ticks = await startTicksOf(pid)
  return !bootedSince && (startTicks === undefined || ticks === undefined || startTicks === ticks)
}

/** Undefined where there is no lock. A file that is no lock counts as one that nobody holds: they appear whole. */
async function readHolder(path: string): Promise<LockFile | undefined> {
  const text = await unless(['ENOENT'], readFile(path, 'utf8'))
  if (text === undefined) return undefined
  try {
    const { pid, ...rest } = JSON.parse(text) as LockFile
    if (Number.isSafeInteger(pid) && pid > 0) return { pid, ...rest }
  } catch {
    // Falls through to a holder that does not live.
  }
  return { pid: 2 ** 31 - 1, startedAt: 'an unknown time' }
}

function locked(directory: string, { pid, startedAt, url }: LockHolder): EngineError {
  const where = url === undefined ? 'Its API is not up yet.' : `Its API is at ${url}.`
  return new EngineError(
    'LOCKED',
    `${directory} is in use by process ${pid} since ${startedAt}. ${where} Stop it, or choose another directory.`,
  )
}

/** Whether this process made the name; false where it exists. */
const claimName = async (from: string, name: string): Promise<boolean> =>
  (await unless(
    ['EEXIST'],
    link(from, name).then(() => true),
  )) ?? false

/** Replaces a lock whose holder is gone. False where another process was first. */
async function takeOver(directory: string, ours: string): Promise<boolean> {
  const takeover = takeoverPath(directory)
  if (!(await claimName(ours, takeover))) {
    const rival = await readHolder(takeover)
    if (rival !== undefined && !(await isAlive(rival))) await unless(['ENOENT'], unlink(takeover))
    return false
  }
  try {
    const holder = await readHolder(lockPath(directory))
    if (holder === undefined || (await isAlive(holder))) return false
    await rename(ours, lockPath(directory))
    return true
  } finally {
    await unlink(takeover)
  }
}

/** Each round fails only because another process did something in between; so many in a row mean one of them holds. */
const rounds = 50

async function acquire(directory: string, ours: string): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    if (await claimName(ours, lockPath(directory))) return
    const holder = await readHolder(lockPath(directory))
    if (holder === undefined) continue
    if (await isAlive(holder)) throw locked(directory, holder)
    if (await takeOver(directory, ours)) return
  }
  throw new EngineError('LOCKED', `${directory} is being taken by several processes at once. Try again.`)
}

/**
 * Makes this process the one engine of a data directory, creating it where it is missing. Throws LOCKED, naming the
 * holder, while another one lives; the lock of a process that is gone is taken over. Processes must see each other's
 * ids: containers that share a directory need a common process namespace.
 */
export async function lockDirectory(directory: string, holder: LockHolder): Promise<Lock> {
  await mkdir(directory, { recursive: true, mode: 0o750 })
  const [bootId, startTicks] = await Promise.all([bootIdNow(), startTicksOf(holder.pid)])
  let file: LockFile = {
    ...holder,
    ...(bootId === undefined ? {} : { bootId }),
    ...(startTicks === undefined ? {} : { startTicks }),
  }
  const ours = join(directory, `engine.lock.${holder.pid}.${attempts++}`)
  const writeOurs = (): Promise<void> => writeFile(ours, `${JSON.stringify(file)}\n`, { mode: 0o640 })
  try {
    await writeOurs()
    await acquire(directory, ours)
  } finally {
    await unless(['ENOENT'], unlink(ours))
  }
  return {
    async update(change) {
      file = { ...file, ...change }
      await writeOurs()
      await rename(ours, lockPath(directory))
    },
    async release() {
      await unless(['ENOENT'], unlink(lockPath(directory)))
    },
  }
}

/** The living holder of a data directory, so that a command finds the engine's API; undefined where nobody holds it. */
export async function readLock(directory: string): Promise<LockHolder | undefined> {
  const holder = await readHolder(lockPath(directory))
  return holder !== undefined && (await isAlive(holder)) ? holder : undefined
}
