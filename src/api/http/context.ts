import type { Clock } from '../../base/clock.js'
import type { ApiMetrics } from './metrics.js'
import type { ApiPorts } from '../../contracts/api.js'
import type { StreamView } from '../../contracts/streams.js'
import { Refusal } from './problems.js'
import type { KeyStore } from '../keys/key-file.js'

/** What the routes work with. */
export interface ApiContext {
  readonly ports: ApiPorts
  readonly keys: KeyStore
  readonly clock: Clock
  readonly metrics: ApiMetrics
}

/** The stream of a path. UNKNOWN_STREAM names those there are. */
export function streamOf({ ports }: ApiContext, name: string): StreamView {
  const streams = ports.scoring.streams()
  const found = streams.find((stream) => stream.name === name)
  if (found) return found
  throw new Refusal(
    'UNKNOWN_STREAM',
    `There is no stream '${name.slice(0, 100)}'; there are ${streams.map((stream) => stream.name).join(', ')}.`,
  )
}
