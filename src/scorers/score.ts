import { namedValues, refuseUnknown, type NamedValues } from '../base/named-values.js'
import { ModelRunError } from './model-runtime.js'
import { championOf, type Routing, type Serving } from './routing.js'

/** The parts of a stream that a scorer uses. */
export interface ScoredStream {
  readonly name: string
  readonly model: string | undefined
  readonly featureNames: readonly string[]
  readonly heuristic: (x: Readonly<Record<string, number>>) => number
  readonly risk: { readonly medium: number; readonly high: number }
  /** Per feature the uninformative value, for the reasons of the heuristic. */
  readonly typical: Float32Array
}

/** Index into `scoredBy` of a block. */
export const by = { model: 0, noModel: 1, modelError: 2, timeout: 3 } as const

export const heuristicVersion = 'heuristic_v1'

/** Columns of equal length, one entry per row. */
export interface Scores {
  readonly values: Float32Array
  readonly by: Uint8Array
  /** 0 low, 1 medium, 2 high. */
  readonly risks: Uint8Array
  readonly versions: readonly string[]
  readonly versionOf: Uint16Array
}

/** Rows that one version scores together. */
export interface Group {
  readonly serving: Serving | undefined
  readonly rows: readonly number[]
}

/** Splits rows by the version that serves their tenant; usually there is one group. */
export function groupsOf(stream: ScoredStream, routing: Routing, tenants: readonly string[]): Group[] {
  const groups = new Map<Serving | undefined, number[]>()
  for (let row = 0; row < tenants.length; row++) {
    const serving = championOf(routing, stream.model, tenants[row]!)
    const rows = groups.get(serving)
    if (rows === undefined) groups.set(serving, [row])
    else rows.push(row)
  }
  return [...groups].map(([serving, rows]) => ({ serving, rows }))
}

/**
 * Scores `tenants.length` vectors (row-major, `width` wide) with one run per version. The heuristic scores rows without
 * a model and rows on which the model fails. Has no timeout: waits for the runtime.
 */
export async function score(
  stream: ScoredStream,
  routing: Routing,
  tenants: readonly string[],
  vectors: Float32Array,
): Promise<Scores> {
  const rows = tenants.length
  const out = {
    values: new Float32Array(rows),
    by: new Uint8Array(rows),
    risks: new Uint8Array(rows),
    versionOf: new Uint16Array(rows),
  }
  const versions: string[] = []
  const indexOf = (version: string): number => {
    const known = versions.indexOf(version)
    return known >= 0 ? known : versions.push(version) - 1
  }
  const width = stream.featureNames.length
  for (const group of groupsOf(stream, routing, tenants)) {
    const { values, failed } = await scoreGroup(stream, group, rows, vectors, width)
    group.rows.forEach((row, i) => {
      const byModel = group.serving !== undefined && !failed.has(i)
      const value = values[i]!
      out.values[row] = value
      out.by[row] = byModel ? by.model : group.serving === undefined ? by.noModel : by.modelError
      out.risks[row] = riskOf(value, byModel ? group.serving.thresholds : stream.risk)
      out.versionOf[row] = indexOf(byModel ? group.serving.version : heuristicVersion)
    })
  }
  return { ...out, versions }
}

interface GroupScores {
  readonly values: Float32Array
  /** Rows of the group that the model failed on. */
  readonly failed: ReadonlySet<number>
}

const none: ReadonlySet<number> = new Set()

async function scoreGroup(
  stream: ScoredStream,
  group: Group,
  rows: number,
  vectors: Float32Array,
  width: number,
): Promise<GroupScores> {
  const own = group.rows.length === rows ? vectors : gather(vectors, group.rows, width)
  if (group.serving === undefined) return { values: heuristicScores(stream, own, group.rows.length), failed: none }
  try {
    return { values: await group.serving.session.run(own, group.rows.length), failed: none }
  } catch (error) {
    if (!(error instanceof ModelRunError)) throw error
    return scoreOneByOne(stream, group.serving, own, group.rows.length)
  }
}

/**
 * Repeats a failed run row by row: only the rows that fail alone are scored by the heuristic, so that no score depends
 * on the other rows.
 */
async function scoreOneByOne(
  stream: ScoredStream,
  { session }: Serving,
  vectors: Float32Array,
  rows: number,
): Promise<GroupScores> {
  const { width } = session
  const values = new Float32Array(rows)
  const failed = new Set<number>()
  for (let row = 0; row < rows; row++) {
    const vector = vectors.subarray(row * width, (row + 1) * width)
    try {
      values[row] = (await session.run(vector, 1))[0]!
    } catch (error) {
      if (!(error instanceof ModelRunError)) throw error
      failed.add(row)
      values[row] = heuristicScores(stream, vector, 1)[0]!
    }
  }
  return { values, failed }
}

function gather(vectors: Float32Array, rows: readonly number[], width: number): Float32Array {
  const out = new Float32Array(rows.length * width)
  rows.forEach((row, i) => out.set(vectors.subarray(row * width, (row + 1) * width), i * width))
  return out
}

const named = new WeakMap<ScoredStream, NamedValues>()

function namedOf(stream: ScoredStream): NamedValues {
  const known = named.get(stream)
  if (known !== undefined) return known
  const values = namedValues(stream.featureNames, refuseUnknown(stream.name, stream.featureNames))
  named.set(stream, values)
  return values
}

/** The stream's heuristic for `rows` vectors, limited to 0..1; NaN becomes 0. */
export function heuristicScores(stream: ScoredStream, vectors: Float32Array, rows: number): Float32Array {
  const values = namedOf(stream)
  const width = stream.featureNames.length
  const out = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    values.fill(vectors, row * width)
    const value = stream.heuristic(values.x)
    out[row] = value >= 0 ? Math.min(value, 1) : 0
  }
  return out
}

export const riskOf = (value: number, thresholds: { readonly medium: number; readonly high: number }): number =>
  value >= thresholds.high ? 2 : value >= thresholds.medium ? 1 : 0
