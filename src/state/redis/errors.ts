import { EngineError, isEngineError, messageOf } from '../../base/errors.js'

/**
 * Answers of a server that cannot serve at the moment: it loads its data, fails over, has lost its cluster, cannot
 * write, or moves slots.
 */
const passing = /\b(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|MISCONF|UNBLOCKED)\b/
const refused = /\b(NOAUTH|WRONGPASS|NOPERM)\b/

const certificateFault = /certificate|altnames/i
const certificateAdvice = ". Check redis.caFile, and that the servers' certificates are valid for these names"

const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError'

/** The error of an unreachable cluster holds the error of the last node in a field. */
const nodeError = (error: unknown): unknown =>
  error instanceof Error && 'lastNodeError' in error && error.lastNodeError instanceof Error
    ? error.lastNodeError
    : error

/**
 * The engine error for a failed command. The client's own error is not attached as its cause, because it contains the
 * command's arguments: keys with personal data, or credentials. `reason` is why there is no connection, if known.
 */
export function redisError(failure: unknown, where: string, reason?: unknown): unknown {
  if (isEngineError(failure)) return failure
  const error = isReply(failure) ? failure : nodeError(reason ?? failure)
  const message = messageOf(error)
  if (!isReply(error))
    return new EngineError(
      'STORE_DOWN',
      `Redis at ${where} cannot be reached: ${message}${certificateFault.test(message) ? certificateAdvice : ''}`,
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

/** Whether the server does not know the script: it was restarted or replaced, and needs the script's text. */
export const isUnknownScript = (error: unknown): boolean => /: NOSCRIPT /.test(messageOf(error))
