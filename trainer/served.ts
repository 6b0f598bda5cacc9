import type { Plan } from '../src/features/plan/plan.js'
import type { Outcome, World } from '../src/simulator/index.js'
import { eventCodec } from '../src/streams/codec/codec.js'
import type { Stream } from '../src/streams/stream.js'

/** An event with the vector that a live engine would score at that moment. */
export interface Served {
  readonly raw: Readonly<Record<string, unknown>>
  readonly id: string
  readonly timeMs: number
  readonly arrivedMs: number
  /** Valid until the next event is requested. */
  readonly vector: Float32Array
}

/** All entities and ids of a dataset fit in memory, so none is evicted or forgotten early. */
const unbounded = 50_000_000

/**
 * Vectors of one stream over a world's timeline, by the engine's own decoding and folding in order of arrival, so that
 * a model gets the same vectors in training and in service. Duplicates are left out, as in service.
 */
export function* serve(
  world: World,
  stream: Stream,
  fromMs: number,
  toMs: number,
  plan: Plan,
  onOutcome?: (outcome: Outcome) => void,
): Generator<Served> {
  const codec = eventCodec(stream)
  const state = plan.open(unbounded, unbounded)
  const vector = new Float32Array(plan.width)
  for (const moment of world.timeline(fromMs, toMs)) {
    if (moment.is === 'outcome') {
      onOutcome?.(moment.outcome)
      continue
    }
    const { stream: name, event: raw, atMs } = moment.happening
    if (name !== stream.name) continue
    const event = codec.read(raw)
    const keys = state.missing([event])
    if (keys.length > 0)
      state.admit(
        keys,
        keys.map(() => undefined),
      )
    if (state.fold(event, vector, 0) === 'duplicate') continue
    yield { raw, id: String(event[stream.id]), timeMs: event[stream.time] as number, arrivedMs: atMs, vector }
  }
}

/** The features of a vector by name, for a heuristic. */
export const named = (plan: Plan, vector: Float32Array): Readonly<Record<string, number>> =>
  Object.fromEntries(plan.names.map((name, index) => [name, vector[index]!]))
