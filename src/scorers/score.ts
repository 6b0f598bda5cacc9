import { noScore, scoreOf } from './answer.js'
import { ModelRunError, type Session } from './model-runtime.js'
import { championOf, heuristicVersion, type Champion, type Routing } from './routing.js'
import { namedValues, refuseUnknown, type NamedValues } from '../base/named-values.js'

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
export const by = { model: 0, noModel: 1, modelError: 2, timeout: 3, heuristicError: 4 } as const

export { heuristicVersion }

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
  readonly serving: Champion | undefined
  readonly rows: readonly number[]
}

/** Splits rows by the version that serves their tenant; usually there is one group. */
export function groupsOf(stream: ScoredStream, routing: Routing, tenants: readonly string[]): Group[] {
  const groups = new Map<Champion | undefined, number[]>()
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
 * a model, rows on which the model fails, and rows for which its answer is no number in 0..1. Has no timeout: waits for
 * the runtime.
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
      const { serving } = group
      const byModel = serving !== undefined && serving.refused === undefined && !failed.has(i)
      const given = values[i]!
      const noScore = !byModel && hasFailed(given)
      const value = noScore ? stream.risk.medium : given
      const heuristic = noScore ? by.heuristicError : serving === undefined ? by.noModel : by.modelError
      out.values[row] = value
      out.by[row] = byModel ? by.model : heuristic
      out.risks[row] = riskOf(value, byModel ? serving.thresholds : stream.risk)
      out.versionOf[row] = indexOf(byModel ? serving.version : heuristicVersion)
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
  const { length } = group.rows
  const own = length === rows ? vectors : gather(vectors, group.rows, width)
  if (group.serving === undefined) return { values: heuristicScores(stream, own, length), failed: none }
  return withoutNonsense(stream, group.serving, own, await answersOf(group.serving, own, length))
}

interface Answers {
  readonly answers: Float32Array
  /** Why an answer is missing (NaN), where the model gave none. */
  readonly problem?: string
}

/**
 * What the model answers. Repeats a failed run row by row, so that no answer depends on the other rows; the answer to a
 * row that fails alone is NaN.
 */
async function answersOf(serving: Champion, vectors: Float32Array, rows: number): Promise<Answers> {
  if (serving.refused !== undefined)
    return { answers: new Float32Array(rows).fill(Number.NaN), problem: serving.refused }
  const { session } = serving
  const whole = await answersOrProblem(session, vectors, rows)
  if (typeof whole !== 'string') return { answers: whole }
  const answers = new Float32Array(rows)
  let problem = whole
  for (let row = 0; row < rows; row++) {
    const one = await answersOrProblem(session, vectors.subarray(row * session.width, (row + 1) * session.width), 1)
    if (typeof one === 'string') problem = one
    answers[row] = typeof one === 'string' ? Number.NaN : one[0]!
  }
  return { answers, problem }
}

async function answersOrProblem(session: Session, vectors: Float32Array, rows: number): Promise<Float32Array | string> {
  try {
    return await session.run(vectors, rows)
  } catch (error) {
    if (!(error instanceof ModelRunError)) throw error
    return error.message
  }
}

/** The answers that are scores; the heuristic scores the other rows. */
function withoutNonsense(
  stream: ScoredStream,
  { onError }: Champion,
  vectors: Float32Array,
  { answers, problem }: Answers,
): GroupScores {
  const width = stream.featureNames.length
  const values = new Float32Array(answers.length)
  let failed: Set<number> | undefined
  for (let row = 0; row < answers.length; row++) {
    const value = scoreOf(answers[row]!)
    if (value === value) values[row] = value
    else {
      failed = (failed ?? new Set()).add(row)
      values[row] = heuristicScores(stream, vectors.subarray(row * width, (row + 1) * width), 1)[0]!
    }
  }
  if (failed === undefined) return { values, failed: none }
  const [first] = failed
  onError?.(failed.size, problem ?? noScore(answers[first!]!))
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

/**
 * The stream's heuristic for `rows` vectors, limited to 0..1; NaN becomes 0. A row for which it throws is NaN: the
 * event is in the state already, so it cannot become a dead letter. `score` gives it the least score of medium risk, so
 * that a person sees it, and `heuristic-error`.
 */
export function heuristicScores(stream: ScoredStream, vectors: Float32Array, rows: number): Float32Array {
  const values = namedOf(stream)
  const width = stream.featureNames.length
  const out = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    values.fill(vectors, row * width)
    try {
      const value = stream.heuristic(values.x)
      out[row] = value >= 0 ? Math.min(value, 1) : 0
    } catch {
      out[row] = Number.NaN
    }
  }
  return out
}

/** Whether `heuristicScores` gave no score for a row. */
export const hasFailed = (value: number): boolean => Number.isNaN(value)

export const riskOf = (value: number, thresholds: { readonly medium: number; readonly high: number }): number =>
  value >= thresholds.high ? 2 : value >= thresholds.medium ? 1 : 0
