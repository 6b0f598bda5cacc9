import { scoreOf } from './answer.js'
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

async function reasonsOf(stream: ScoredStream, { serving }: Group, vector: Float32Array): Promise<string> {
  const width = vector.length
  const scores =
    (await scoresOf(serving, vector)) ?? heuristicScores(stream, occluded(vector, stream.typical), width + 1)
  const whole = scores[width]!
  return stream.featureNames
    .map((name, i) => ({ name, fall: whole - scores[i]! }))
    .filter((one) => one.fall >= leastShare * whole && one.fall > 0)
    .sort((a, b) => b.fall - a.fall)
    .slice(0, named)
    .map((one) => one.name)
    .join(',')
}

/** The vector with each feature in turn at its typical value, and last the vector itself. */
function occluded(vector: Float32Array, typical: Float32Array): Float32Array {
  const width = vector.length
  const rows = new Float32Array((width + 1) * width)
  for (let i = 0; i <= width; i++) rows.set(vector, i * width)
  for (let i = 0; i < width; i++) rows[i * width + i] = typical[i]!
  return rows
}

/** The scores of the occluded rows by the model; undefined where it has no score for the vector itself. */
async function scoresOf(serving: Group['serving'], vector: Float32Array): Promise<Float32Array | undefined> {
  if (serving === undefined || serving.refused !== undefined) return undefined
  const rows = vector.length + 1
  try {
    const scores = (await serving.session.run(occluded(vector, serving.typical), rows)).map(scoreOf)
    return Number.isNaN(scores[rows - 1]!) ? undefined : scores
  } catch (error) {
    if (!(error instanceof ModelRunError)) throw error
    return undefined
  }
}
