import { EngineError } from '../base/errors.js'

/** UNKNOWN_STREAM, with the names that exist. */
export const unknownStream = (name: string, known: Iterable<string>): EngineError =>
  new EngineError('UNKNOWN_STREAM', `there is no stream '${name}'; there are: ${[...known].join(', ')}`)
