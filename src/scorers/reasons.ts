import { ModelRunError } from './model-runtime.js'
import type { Routing } from './routing.js'
import { groupsOf, heuristicScores, type Group, type ScoredStream } from './score.js'

/** The most features per score, and the least share of the score that a listed feature has. */
const named = 3
const leastShare = 0.1

/**
 * The features that raised each row's score, strongest first, comma-separated; '' when no feature has a large share.
 * Occlusion: each feature in turn is set to its typical value, and the decrease of the score is its weight
 * (Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4, applied to columns).
 * Costs one run of `width` + 1 rows per row.
 */
export async function reasons(
  stream: ScoredStream,
  routing: Routing,
  tenants: readonly string[],
  vectors: Float32Array,
): Promise<string[]> {
  const out = new Array<string>(tenants.length).fill('')
  const width = stream.featureNames.length
  for (const group of groupsOf(stream, routing, tenants))
    for (const row of group.rows)
      out[row] = await reasonsOf(stream, group, vectors.subarray(row * width, (row + 1) * width))
  return out
}

async function reasonsOf(stream: ScoredStream, group: Group, vector: Float32Array): Promise<string> {
  const width = vector.length
  const typical = group.serving?.typical ?? stream.typical
  const occluded = new Float32Array((width + 1) * width)
  for (let i = 0; i <= width; i++) occluded.set(vector, i * width)
  for (let i = 0; i < width; i++) occluded[i * width + i] = typical[i]!
  const scores = await scoresOf(stream, group, occluded, width + 1)
  const whole = scores[width]!
  return stream.featureNames
    .map((name, i) => ({ name, fall: whole - scores[i]! }))
    .filter((one) => one.fall >= leastShare * whole && one.fall > 0)
    .sort((a, b) => b.fall - a.fall)
    .slice(0, named)
    .map((one) => one.name)
    .join(',')
}

async function scoresOf(
  stream: ScoredStream,
  group: Group,
  vectors: Float32Array,
  rows: number,
): Promise<Float32Array> {
  if (group.serving === undefined) return heuristicScores(stream, vectors, rows)
  try {
    return await group.serving.session.run(vectors, rows)
  } catch (error) {
    if (!(error instanceof ModelRunError)) throw error
    return heuristicScores(stream, vectors, rows)
  }
}
