import { strict as assert } from 'node:assert'
import type { nabEvents } from '../../../bench/nab/series.js'
import { compile } from '../../../src/features/plan/compile.js'
import { infraMetric } from '../../../src/streams/built-in/infra-metric.js'

export interface Scored {
  readonly id: string
  readonly score: number
  readonly surprise: number
  readonly risk: 'low' | 'medium' | 'high'
}

/** Folds all events in order through the plan, as one partition would, and scores each by the heuristic. */
export function replaySeries(events: ReturnType<typeof nabEvents>): readonly Scored[] {
  const plan = compile(infraMetric)
  const state = plan.open(100, 0)
  const vector = new Float32Array(plan.width)
  return inChunks(events, 2_000).flatMap((chunk) => {
    for (let keys = state.missing(chunk); keys.length > 0; keys = state.missing(chunk))
      state.admit(
        keys,
        keys.map(() => undefined),
      )
    return chunk.map((event) => {
      assert.equal(state.fold(event, vector, 0), 'folded')
      const features = Object.fromEntries(plan.names.map((name, i) => [name, vector[i]!]))
      const score = infraMetric.heuristic(features)
      const { medium, high } = infraMetric.risk
      const risk = score >= high ? 'high' : score >= medium ? 'medium' : 'low'
      return { id: event.event_id, score, surprise: features['surprise']!, risk } as const
    })
  })
}

const inChunks = <T>(all: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
