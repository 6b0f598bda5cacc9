import { isEngineError, messageOf, type ErrorCode } from '../../base/errors.js'

/** Exit codes of a command. */
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
  failed: 'the command failed',
  usage: 'the command line is wrong',
  configuration: 'the configuration or a stream is wrong',
  dependency: 'a dependency is missing: no engine is running, a disk is full, a store is unreachable',
  check: 'a check found a problem',
  locked: 'another engine holds the data directory',
  interrupted: 'Ctrl-C stopped the command before it was done',
}

/** A command failed: a message for the user, and an exit code for programs. */
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
  MODEL_REFUSED: exits.configuration,
  TOPIC_MISMATCH: exits.configuration,
  STATE_MISMATCH: exits.configuration,
  UNKNOWN_MODEL: exits.configuration,
  UNKNOWN_DECISION: exits.configuration,
  STORE_DOWN: exits.dependency,
  WAREHOUSE_DOWN: exits.dependency,
  WAREHOUSE_REFUSED: exits.dependency,
  LOG_DOWN: exits.dependency,
  REGISTRY_DOWN: exits.dependency,
  REBUILDING: exits.dependency,
  DISK_FULL: exits.dependency,
  UNKNOWN_STREAM: exits.usage,
  BAD_REQUEST: exits.usage,
  LOCKED: exits.locked,
}

/** Exit codes of errors of the operating system; other errors are `failed`. */
const systemErrors: Readonly<Record<string, ExitCode>> = {
  ENOSPC: exits.dependency,
  EROFS: exits.dependency,
  EADDRINUSE: exits.dependency,
  EADDRNOTAVAIL: exits.configuration,
}

/** The exit code and message of a command that threw. `expected`: the message is enough without the stack. */
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
  // An error of the operating system (missing file, port in use, no permission) needs no stack.
  const isOfSystem = typeof code === 'string' && typeof syscall === 'string'
  return {
    exit: (isOfSystem ? systemErrors[code] : undefined) ?? exits.failed,
    message: messageOf(error),
    expected: isOfSystem,
  }
}
