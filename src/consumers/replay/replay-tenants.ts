import type { LogView, Offset } from '../../log/event-log.js'
import { resetsOf } from '../control/accepted.js'
import { foldControl } from '../control/fold.js'
import { foldStops } from '../control/stops-fold.js'
import { isHistory, tenantsAt, type TenantSource } from '../control/tenants.js'
import type { CompiledStream } from '../ground/compiled.js'
import { controlStretches } from '../control/stretches.js'
import type { Span } from './replay-span.js'

/** The tenants of a span, as its reader moves through it. */
export interface SpanTenants {
  /** Takes the tenants of this offset. Returns the last offset up to which they are the same. */
  moveTo(offset: Offset): Offset
  /** The tenants of the offset that `moveTo` was last called with. */
  readonly source: TenantSource
}

/**
 * The tenants that were known when each event of a span was scored, also of the events that only warm the state up.
 * An event that no block covers gets those of the next block, or those of now where none follows.
 */
export async function tenantsOfSpan(
  view: LogView,
  stream: CompiledStream,
  { partition, warmFrom, to }: Span,
  tenants: TenantSource,
): Promise<SpanTenants> {
  if (!isHistory(tenants)) return { moveTo: () => Infinity, source: tenants }
  const events = { topic: stream.topics.events, partition }
  const stops = foldStops()
  await foldControl(view, [stops])
  const since = resetsOf(stops.accepted(), events).at(-1) ?? 0
  const stretches =
    tenants.lastChange() === 0
      ? []
      : await controlStretches(view, { topic: stream.topics.predictions, partition }, { from: warmFrom, to }, since)
  let position = Infinity
  return {
    moveTo(offset) {
      const stretch = stretches.find(({ upTo }) => upTo >= offset)
      position = stretch?.control ?? Infinity
      return stretch?.upTo ?? Infinity
    },
    source: { at: () => tenantsAt(tenants, position), lastChange: () => 0 },
  }
}
