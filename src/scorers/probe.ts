import { EngineError, messageOf } from '../base/errors.js'
import { scoreOf } from './answer.js'
import { ModelRunError, type Session } from './model-runtime.js'

/** What the inputs of a model can be. */
export interface ModelInputs {
  readonly names: readonly string[]
  /** Per feature the usual value; NaN where none is known. */
  readonly typical: Float32Array
  /** Per feature whether the stream may give NaN; none where the stream is unknown. */
  readonly canBeMissing: readonly boolean[]
  /** Per feature values of the training, where the manifest has them. */
  readonly known: readonly (readonly number[])[]
}

/** A row, and what the messages call it. `far`: hardly an event gives such values. */
interface ProbeRow {
  readonly what: string
  readonly row: Float32Array
  readonly far: boolean
  /** The feature that alone is missing. */
  readonly lacks?: string
}

interface Answer extends ProbeRow {
  readonly answer: number
  readonly error: string | undefined
}

/**
 * Asks a model for the scores of rows that a stream may give: usual values, zeros, missing features, and values far
 * out. Throws MODEL_REFUSED when an answer is no score, with the export option that mends it. Far values may have no
 * score: the result then says so, and the heuristic scores such rows.
 */
export async function probe(session: Session, inputs: ModelInputs): Promise<string | undefined> {
  const answers = await answersTo(session, probeRows(inputs))
  const bad = answers.filter(({ answer }) => Number.isNaN(scoreOf(answer)))
  const outside = bad.find(({ answer }) => !Number.isNaN(answer))
  const near = bad.find(({ far }) => !far)
  const worst = near ?? outside
  if (worst !== undefined) throw new EngineError('MODEL_REFUSED', refusal(worst, bad))
  if (session.ignoresMissing === true) await refuseGuesses(session, inputs)
  return bad.length === 0
    ? undefined
    : `the model has no score for ${bad[0]!.what}${bad.length > 1 ? ` and ${bad.length - 1} more probes` : ''}: the ` +
        'heuristic scores such rows'
}

/** Refuses trees that guess where a missing value goes, if a feature that can be missing matters to them. */
async function refuseGuesses(session: Session, { names, canBeMissing, known }: ModelInputs): Promise<void> {
  const random = numbers(7)
  const bases = Array.from({ length: 64 }, (_, i) =>
    Float32Array.from(names, (_name, at) => pick(random, known[at] ?? [], (random() - 0.4) * 10 ** ((i % 6) - 1))),
  )
  const guessed: string[] = []
  for (const [i, name] of names.entries()) {
    if (canBeMissing[i] !== true) continue
    const having = (value: number): ProbeRow[] =>
      bases.map((base) => ({ what: name, far: true, row: base.map((one, at) => (at === i ? value : one)) }))
    const [low, high] = [await answersTo(session, having(-Infinity)), await answersTo(session, having(Infinity))]
    if (low.some(({ answer }, at) => !Object.is(answer, high[at]!.answer))) guessed.push(name)
  }
  if (guessed.length > 0)
    throw new EngineError(
      'MODEL_REFUSED',
      `the trees of the model do not say where a missing value goes, and ${someOf(guessed, 'can be')} missing: the ` +
        'scores would not be those of its trainer. skl2onnx leaves this out of random forests and gradient boosting. ' +
        imputation,
    )
}

const imputation =
  'Put the imputation into the exported pipeline, for example make_pipeline(SimpleImputer(), ...), or use a model ' +
  'that takes NaN, such as HistGradientBoosting, XGBoost or LightGBM'

function refusal({ what, answer, error, lacks }: Answer, bad: readonly Answer[]): string {
  if (error !== undefined) return `the model fails on ${what}: ${error}. Export a pipeline that takes every value`
  if (!Number.isNaN(answer))
    return (
      `the model answers ${answer} for ${what}: a margin, a regression or an anomaly score, not a probability in ` +
      '0..1. Export probabilities: a classifier without raw_scores, raw_score or output_margin; from PyTorch with ' +
      'torch.sigmoid inside the module'
    )
  if (lacks === undefined && what !== allMissing)
    return `the model answers NaN for ${what}. Export the whole pipeline, with its scaler and its imputer`
  const features = [...new Set(bad.flatMap((one) => (one.lacks === undefined ? [] : [one.lacks])))]
  return (
    `the model answers NaN where ${someOf(features, 'is') || 'all features that can be missing are'} missing. ` +
    imputation
  )
}

function someOf(features: readonly string[], verb: 'is' | 'can be'): string {
  if (features.length === 0) return ''
  const more = features.length > 3 ? ` or one of ${features.length - 3} more features` : ''
  return `${features.slice(0, 3).join(', ')}${more} ${verb === 'is' && features.length > 1 ? 'are' : verb}`
}

async function answersTo(session: Session, rows: readonly ProbeRow[]): Promise<readonly Answer[]> {
  const vectors = new Float32Array(rows.length * session.width)
  rows.forEach(({ row }, i) => vectors.set(row, i * session.width))
  try {
    const answers = await session.run(vectors, rows.length)
    return rows.map((row, i) => ({ ...row, answer: answers[i]!, error: undefined }))
  } catch (error) {
    if (!(error instanceof ModelRunError)) throw error
    return Promise.all(rows.map((row) => answerTo(session, row)))
  }
}

async function answerTo(session: Session, row: ProbeRow): Promise<Answer> {
  try {
    return { ...row, answer: (await session.run(row.row, 1))[0]!, error: undefined }
  } catch (error) {
    if (!(error instanceof ModelRunError)) throw error
    return { ...row, answer: Number.NaN, error: messageOf(error) }
  }
}

const allMissing = 'all missing features'
const largest = 3.4028234663852886e38

function probeRows({ names, typical, canBeMissing, known }: ModelInputs): readonly ProbeRow[] {
  const random = numbers(20_240_601)
  const usual = typical.map((value) => (Number.isNaN(value) ? 0 : value))
  const near = (what: string, row: Float32Array): ProbeRow => ({ what, row, far: false })
  const far = (what: string, row: Float32Array): ProbeRow => ({ what, row, far: true })
  const change = (i: number, value: number): Float32Array => usual.map((one, at) => (at === i ? value : one))
  const lacking = (which: (i: number) => boolean): Float32Array =>
    usual.map((value, i) => (canBeMissing[i] === true && which(i) ? Number.NaN : value))
  const features = names.map((name, i) => ({ name, i }))
  const times = (count: number, make: () => ProbeRow): ProbeRow[] => Array.from({ length: count }, make)
  return [
    near('typical values', usual),
    near('zeros', new Float32Array(names.length)),
    ...times(16, () =>
      near(
        'values of its training',
        usual.map((value, i) => pick(random, known[i] ?? [], value)),
      ),
    ),
    ...features
      .filter(({ i }) => canBeMissing[i] === true)
      .map(({ name, i }) => ({ ...near(`'${name}' missing`, change(i, Number.NaN)), lacks: name })),
    near(
      allMissing,
      lacking(() => true),
    ),
    ...times(8, () =>
      near(
        allMissing,
        lacking(() => random() < 0.5),
      ),
    ),
    ...times(32, () =>
      far(
        'random values',
        usual.map(() => (random() - 0.3) * 10 ** Math.floor(random() * 7 - 2)),
      ),
    ),
    ...features.flatMap(({ name, i }) =>
      [largest, -largest, Infinity, -Infinity].map((value) => far(`'${name}' ${value}`, change(i, value))),
    ),
    far(
      'the largest numbers',
      usual.map(() => largest),
    ),
    far(
      'the lowest numbers',
      usual.map(() => -largest),
    ),
    far(
      'the largest and the lowest numbers',
      usual.map((_, i) => (i % 2 === 0 ? largest : -largest)),
    ),
  ]
}

const pick = (random: () => number, values: readonly number[], otherwise: number): number =>
  values.length === 0 ? otherwise : values[Math.floor(random() * values.length)]!

/** Equal sequences in every process, so that every process decides the same about a model. */
function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
}
