import type { Dice } from './ground/dice.js'
import { dayMs, type Happening, hourMs, type Outcome, type Scheme, type StreamName } from './ground/happening.js'

/** How a scheme is discovered: how often, how late (mean), and by which kind of outcome. */
interface Discovery {
  readonly share: number
  readonly afterMs: number
  readonly kind: Outcome['kind']
}

const reviewed = (share: number, days: number): Discovery => ({ share, afterMs: days * dayMs, kind: 'review' })

const discoveries: Readonly<Record<Scheme, Discovery>> = {
  'buddy-punching': reviewed(0.55, 3),
  'gps-spoofing': reviewed(0.5, 4),
  'lazy-patrol': reviewed(0.5, 3),
  'ghost-worker': reviewed(0.45, 5),
  'early-leave': reviewed(0.55, 2),
  'relay-service': reviewed(0.4, 5),
  misread: { share: 0.75, afterMs: dayMs, kind: 'correction' },
  tampering: reviewed(0.6, 4),
  'fantasy-reading': { share: 0.5, afterMs: 2 * dayMs, kind: 'later-event' },
  'plate-misread': { share: 0.6, afterMs: dayMs, kind: 'correction' },
  'cloned-plate': reviewed(0.5, 4),
  conflict: { share: 0.97, afterMs: 2 * hourMs, kind: 'later-event' },
  'cpu-runaway': reviewed(0.9, 0.4),
  'memory-leak': reviewed(0.85, 0.5),
  'disk-fill': reviewed(0.9, 0.4),
  'latency-storm': reviewed(0.85, 0.4),
  'host-dead': reviewed(0.97, 0.2),
  'traffic-drop': reviewed(0.85, 0.5),
}

/** Reviews of genuine events. */
const auditShare: Readonly<Record<StreamName, number>> = {
  attendance: 0.004,
  'meter-reading': 0.01,
  sync: 0.01,
  'infra-metric': 0.0005,
}

/** Share of reviews that are wrong: the reviewer accepts an event that is not genuine. */
const clearedShare = 0.02

/** The later outcome of an event, if any; after twelve days there are no more reviews. */
export function outcomeOf(
  { stream, atMs, event }: Happening,
  scheme: Scheme | undefined,
  dice: Dice,
): Outcome | undefined {
  const discovery =
    scheme === undefined
      ? { share: auditShare[stream], afterMs: 3 * dayMs, kind: 'review' as const }
      : discoveries[scheme]
  if (!dice.chance(discovery.share)) return undefined
  const label = scheme !== undefined && !dice.chance(clearedShare) ? 1 : 0
  const lateMs = Math.min(12 * dayMs, hourMs / 12 + dice.exponential(discovery.afterMs))
  return {
    stream,
    tenant_id: String(event['tenant_id']),
    event_id: String(event['event_id']),
    label,
    kind: discovery.kind,
    atMs: atMs + lateMs,
  }
}
