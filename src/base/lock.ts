import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, errnoOf, unless } from './errors.js'

/** The process that holds a data directory. */
export interface LockHolder {
  readonly pid: number
  /** ISO 8601. */
  readonly startedAt: string
  /** Address of the holder's API, once the API listens. */
  readonly url?: string
}

/**
 * The system reuses process ids. So a holder is also identified by the boot of the machine and by the tick of that boot
 * at which it started.
 */
interface LockFile extends LockHolder {
  readonly bootId?: string
  readonly startTicks?: number
}

export interface Lock {
  /** Adds to the lock file what became known later: the API's address. */
  update(change: { readonly url: string }): Promise<void>
  /** Removes the lock, so that another process may take the directory. */
  release(): Promise<void>
}

const lockPath = (directory: string): string => join(directory, 'engine.lock')
/** Held for a moment by the process that replaces a stale lock, so that only one process does. */
const takeoverPath = (directory: string): string => join(directory, 'engine.lock.takeover')

/** Makes the file name of each attempt of this process unique. */
let attempts = 0

/** Ticks from boot to the start of a process; undefined on systems other than Linux, which do not report them. */
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

/**
 * Undefined where there is no lock file. An unreadable lock file counts as stale: lock files appear whole, so nobody is
 * still writing it.
 */
async function readHolder(path: string): Promise<LockFile | undefined> {
  const text = await unless(['ENOENT'], readFile(path, 'utf8'))
  if (text === undefined) return undefined
  try {
    const { pid, ...rest } = JSON.parse(text) as LockFile
    if (Number.isSafeInteger(pid) && pid > 0) return { pid, ...rest }
  } catch {
    // Falls through to a holder that is not running.
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

/** Whether this process created the name; false where the name exists already. */
const claimName = async (from: string, name: string): Promise<boolean> =>
  (await unless(
    ['EEXIST'],
    link(from, name).then(() => true),
  )) ?? false

/** Replaces a lock whose holder is no longer running. False where another process was faster. */
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

/** A round fails only because another process changed the lock meanwhile. So many failures in a row are no accident. */
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
 * Makes this process the only engine of a data directory and creates the directory where it is missing. Throws LOCKED,
 * which names the holder, while another holder is running. Takes over the lock of a process that is no longer running.
 * Processes must see each other's ids: containers that share a directory need a common process namespace.
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

/** The running holder of a data directory, so that a command finds its API; undefined where no process holds it. */
export async function readLock(directory: string): Promise<LockHolder | undefined> {
  const holder = await readHolder(lockPath(directory))
  return holder !== undefined && (await isAlive(holder)) ? holder : undefined
}
