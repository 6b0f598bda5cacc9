import { EngineError, errnoOf, isEngineError, messageOf } from '../../base/errors.js'
import type { LogRecord } from '../../log/event-log.js'
import type { Stage } from './rejected.js'

const mostCharacters = 200

/**
 * The error of one record, from whatever its processing threw: the record becomes a dead letter, or the API refuses the
 * event, and the others are not affected. An error that is not about the record is thrown again: one whose code says
 * otherwise, one of the operating system, and lack of memory.
 */
export function recordFault(error: unknown): EngineError {
  if (isEngineError(error)) {
    if (error.disposition === 'dead-letter') return error
    throw error
  }
  if (isOfSystem(error) || isOfMemory(error)) throw error
  return new EngineError(
    'RECORD_FAULT',
    `the engine cannot process this record: ${nameOf(error)}: ${messageOf(error).slice(0, mostCharacters)}`,
    { cause: error },
  )
}

/** Errors of system calls name the call; errors of Node's own checks have a code, but no call. */
const isOfSystem = (error: unknown): boolean =>
  errnoOf(error) !== undefined && typeof (error as { syscall?: unknown }).syscall === 'string'

const isOfMemory = (error: unknown): boolean =>
  errnoOf(error) === 'ERR_MEMORY_ALLOCATION_FAILED' ||
  (error instanceof RangeError && /allocation failed|out of memory/i.test(messageOf(error)))

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'something that is no error'
  return typeof error.name === 'string' ? error.name.slice(0, 60) : 'Error'
}

/**
 * One record made the fold throw, so the state in memory is half folded and must be discarded. The record becomes a
 * dead letter when its partition is folded again from the stored state.
 */
export class FoldFault extends Error {
  override readonly name = 'FoldFault'
  readonly reason: EngineError
  /** Throws the error itself when it is not about the record. */
  constructor(
    readonly record: LogRecord,
    error: unknown,
  ) {
    const reason = recordFault(error)
    super(`offset ${record.offset}: ${reason.message}`, { cause: error })
    this.reason = reason
  }
}

/** The faults of a partition's records in the fold, by offset. */
export type FoldFaults = ReadonlyMap<number, EngineError>

/** The stage of these faults. */
export const foldStage: Stage = 'fold'
