import type { Clock } from '../../base/clock.js'
import type { ApiMetrics } from './metrics.js'
import type { ApiPorts } from '../../contracts/api.js'
import type { StreamView } from '../../contracts/streams.js'
import { Refusal } from './problems.js'
import type { KeyStore } from '../keys/key-file.js'

/** The dependencies of the routes. */
export interface ApiContext {
  readonly ports: ApiPorts
  readonly keys: KeyStore
  readonly clock: Clock
  readonly metrics: ApiMetrics
  /** The tenant of an operator's request that names none; undefined where the engine has several. */
  readonly defaultTenant?: string | undefined
}

/** The stream that a path names. Throws UNKNOWN_STREAM, which lists the known streams. */
export function streamOf({ ports }: ApiContext, name: string): StreamView {
  const streams = ports.scoring.streams()
  const found = streams.find((stream) => stream.name === name)
  if (found) return found
  throw new Refusal(
    'UNKNOWN_STREAM',
    `There is no stream '${name.slice(0, 100)}'; the streams are ${streams.map((stream) => stream.name).join(', ')}.`,
  )
}
