import { isEngineError, messageOf, type ErrorCode } from '../../base/errors.js'

/** What a command's end says to whoever started it. */
export const exits = {
  ok: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  dependency: 4,
  check: 5,
  locked: 6,
  interrupted: 130,
} as const
export type ExitCode = (typeof exits)[keyof typeof exits]

export const exitMeanings: Readonly<Record<keyof typeof exits, string>> = {
  ok: 'done',
  failed: 'the command could not do what was asked',
  usage: 'the command line is wrong',
  configuration: 'the configuration or a stream is wrong',
  dependency: 'something it needs is away: no engine is running, a disk is full, a store is down',
  check: 'a check found something wrong',
  locked: 'another engine holds the data directory',
  interrupted: 'stopped by Ctrl-C before it was done',
}

/** The end of a command that could not do its work: a message for a person, and an exit code for a program. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  constructor(
    readonly exit: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const exitOfCode: Partial<Record<ErrorCode, ExitCode>> = {
  BAD_CONFIG: exits.configuration,
  BAD_STREAM: exits.configuration,
  MODEL_MISMATCH: exits.configuration,
  TOPIC_MISMATCH: exits.configuration,
  STATE_MISMATCH: exits.configuration,
  UNKNOWN_MODEL: exits.configuration,
  UNKNOWN_DECISION: exits.configuration,
  STORE_DOWN: exits.dependency,
  WAREHOUSE_DOWN: exits.dependency,
  LOG_DOWN: exits.dependency,
  REGISTRY_DOWN: exits.dependency,
  REBUILDING: exits.dependency,
  DISK_FULL: exits.dependency,
  UNKNOWN_STREAM: exits.usage,
  BAD_REQUEST: exits.usage,
  LOCKED: exits.locked,
}

/** Errors of the system that ask for something else than another argument. */
const systemErrors: Readonly<Record<string, ExitCode>> = {
  ENOSPC: exits.dependency,
  EROFS: exits.dependency,
  EADDRINUSE: exits.dependency,
  EADDRNOTAVAIL: exits.configuration,
}

/** How a command ends that threw, and whether its message is enough without the stack. */
export function endOf(error: unknown): {
  readonly exit: ExitCode
  readonly message: string
  readonly expected: boolean
} {
  if (error instanceof CommandFailed) return { exit: error.exit, message: error.message, expected: true }
  if (isEngineError(error))
    return { exit: exitOfCode[error.code] ?? exits.failed, message: `${error.message} [${error.code}]`, expected: true }
  const { code, syscall } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown
    syscall?: unknown
  }
  // What the system refuses (a file that is not there, a port, a right) says so itself; a stack adds nothing.
  const isOfSystem = typeof code === 'string' && typeof syscall === 'string'
  return {
    exit: (isOfSystem ? systemErrors[code] : undefined) ?? exits.failed,
    message: messageOf(error),
    expected: isOfSystem,
  }
}
