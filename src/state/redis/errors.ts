import { EngineError, isEngineError, messageOf } from '../../base/errors.js'

/**
 * What a server says while it cannot serve, for now: it loads, fails over, is cut off, cannot write, or moves slots.
 */
const passing = /\b(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|MISCONF|UNBLOCKED)\b/
const refused = /\b(NOAUTH|WRONGPASS|NOPERM)\b/

const certificateFault = /certificate|altnames/i

const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError'

/** A cluster that cannot be reached says so, and keeps what its last node said. */
const nodeError = (error: unknown): unknown =>
  error instanceof Error && 'lastNodeError' in error && error.lastNodeError instanceof Error
    ? error.lastNodeError
    : error

/**
 * What became of a command, as an error of the engine. The client's own error stays behind: it carries the command with
 * its arguments, which are people's keys, or credentials. `reason` is why there is no connection, where that is known.
 */
export function redisError(failure: unknown, where: string, reason?: unknown): unknown {
  if (isEngineError(failure)) return failure
  const error = isReply(failure) ? failure : nodeError(reason ?? failure)
  const message = messageOf(error)
  if (!isReply(error))
    return new EngineError(
      'STORE_DOWN',
      `Redis at ${where} cannot be reached: ` +
        `${message}${certificateFault.test(message) ? ". Check redis.caFile, and that the servers' certificates are valid for these names" : ''}`,
    )
  if (/\bOOM\b/.test(message))
    return new EngineError(
      'DISK_FULL',
      `Redis at ${where} is at its maxmemory, and state is never evicted: give it more memory. Scoring waits`,
    )
  if (refused.test(message))
    return new EngineError(
      'STORE_DOWN',
      `Redis at ${where} refuses this user: ${message}. Check username, password and ACL`,
    )
  if (passing.test(message)) return new EngineError('STORE_DOWN', `Redis at ${where} cannot serve now: ${message}`)
  return new Error(`Redis at ${where}: ${message}`)
}

/** The server lost its scripts, or is another than before: it wants the text. */
export const isUnknownScript = (error: unknown): boolean => /: NOSCRIPT /.test(messageOf(error))
