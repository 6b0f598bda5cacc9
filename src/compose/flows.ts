/** The flows of a process' roles. */
import { systemClock as clock } from '../base/clock.js'
import type { Closing } from '../base/lifecycle.js'
import { packageVersion } from '../config/load.js'
import { acceptedBadShares } from '../consumers/control/accepted.js'
import type { LiveRouting } from '../consumers/control/routing.js'
import { scoringFlow } from '../consumers/scoring/scoring.js'
import { warehouseFlow, type WarehouseFlow } from '../consumers/warehouse/warehouse.js'
import type { EarlyExpiry } from '../consumers/watch/early-expiry.js'
import type { Observation } from '../consumers/watch/observation.js'
import type { EngineOptions } from '../contracts/engine.js'
import type { Membership } from '../log/event-log.js'
import type { Foundation } from './foundation.js'

/** Undefined in a process that does not score. */
export async function startScoring(
  foundation: Foundation,
  routing: LiveRouting,
  { observation, early }: { readonly observation: Observation; readonly early: EarlyExpiry },
  options: EngineOptions,
  closing: Closing,
): Promise<Membership | undefined> {
  const { config, does, log, store, streams, named, tenants, schemas, stops, rebuilds, waits } = foundation
  if (store === undefined || !does('scoring')) return undefined
  const { badShare: share, badShareRecords: records } = config.scoring
  const scoring = await scoringFlow({
    ...{ log, groups: log, store, streams, tenants, clock, schemas, stops },
    controlReadTo: () => foundation.control.position(),
    build: packageVersion(),
    routing: () => routing.current(),
    acceptedBadShares: (stream, partition) =>
      acceptedBadShares(stops, { topic: named(stream).topics.events, partition }),
    onCatchUp: rebuilds.onCatchUp,
    settings: { ...config.scoring, badShare: { share, records } },
    onChunk(chunk) {
      observation.onChunk(chunk)
      early.onChunk(chunk)
      foundation.clocksAhead.add(chunk.stream, chunk.chunk.ahead)
      options.onScored?.(chunk)
    },
    onRetry(what, error) {
      observation.onRetry(what)
      waits(error, { what })
    },
  })
  closing.add(() => scoring.leave())
  return scoring
}

/** Undefined in a process that does not fill the warehouse. */
export async function startWarehousing(foundation: Foundation, closing: Closing): Promise<WarehouseFlow | undefined> {
  const { config, does, log, warehouse, streams, stops, report } = foundation
  if (warehouse === undefined || !does('warehouse')) return undefined
  const { rawEvents } = config.warehouse
  const flow = await warehouseFlow({ log, groups: log, warehouse, streams, clock, rawEvents, stops, report })
  closing.add(() => flow.leave())
  return flow
}
