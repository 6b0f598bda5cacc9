import { EngineError } from '../../base/errors.js'

/** A mistake of the caller, which says nothing about the event. */
export const unready = (what: string): EngineError =>
  new EngineError('STATE_MISMATCH', `the partition was asked to fold before ${what} was admitted`)
