import { EngineError } from '../../base/errors.js'
import { isColumnName } from '../event/columns.js'
import type { Feature, FeatureSet } from '../feature.js'
import type { Value, Where } from '../value.js'
import { isReflective, namesOf, type ReflectiveFeature } from '../kinds/reflection.js'

/** A vector of 1,024 doubles takes 8 KiB of scratch space, and a block of such vectors still fits a log record. */
const mostFeatures = 1_024
/** Rows that one window keeps for one entity, of 16 B to 64 B each: 64 KiB to 256 KiB. */
const mostTiles = 4_096
/** Pairs that one window keeps for one entity: 10,000 x 16 B = 160 KiB. */
const mostPairs = 10_000

/** Throws BAD_STREAM with one line per problem of the set: stream, feature, field, and what is wrong. */
export function validate(set: FeatureSet): void {
  const problems = [
    ...setProblems(set),
    ...set.features.flatMap(({ name, feature }, at) => featureProblems(set, name, feature, at)),
  ]
  if (problems.length > 0)
    throw new EngineError('BAD_STREAM', problems.map((problem) => `stream ${set.stream}: ${problem}`).join('\n'))
}

function setProblems(set: FeatureSet): readonly string[] {
  const problems: string[] = []
  if (set.features.length === 0) problems.push('features: there are none')
  if (set.features.length > mostFeatures)
    problems.push(`features: there are ${set.features.length}, at most ${mostFeatures} are possible`)
  if (!(set.latenessMs >= 0 && Number.isFinite(set.latenessMs)))
    problems.push(`latenessMs: ${set.latenessMs} is no duration`)
  if (
    set.latenessBy !== undefined &&
    !set.features.some(({ feature }) => 'by' in feature && feature.by === set.latenessBy)
  )
    problems.push(`latenessBy: no feature is kept by '${set.latenessBy}'`)
  if (set.clock !== undefined && !Object.hasOwn(set.entities, set.clock))
    problems.push(
      `clock: there is no entity '${set.clock}'; there are ${Object.keys(set.entities).join(', ') || 'none'}`,
    )
  for (const field of ['tenant', 'time', 'id', 'key'] as const)
    if (!isColumnName(set[field])) problems.push(`${field}: '${set[field]}' is not a column name`)
  const seen = new Set<string>()
  for (const { name } of set.features) {
    if (seen.has(name)) problems.push(`feature ${name}: the name is used twice`)
    seen.add(name)
  }
  for (const [name, { columns }] of Object.entries(set.entities)) {
    if (!isColumnName(name)) problems.push(`entity ${name}: a name has letters, digits and underscores`)
    if (columns.length === 0) problems.push(`entity ${name}: columns are missing`)
    for (const column of columns)
      if (!isColumnName(column)) problems.push(`entity ${name}: '${column}' is not a column name`)
  }
  return problems
}

function featureProblems(set: FeatureSet, name: string, feature: Feature, at: number): readonly string[] {
  const problems: string[] = []
  const report = (field: string, problem: string): void => void problems.push(`feature ${name}: ${field}: ${problem}`)
  for (const column of columnsOf(feature))
    if (!isColumnName(column)) report('columns', `'${column}' is not a column name`)
  if ('by' in feature && !Object.hasOwn(set.entities, feature.by))
    report('by', `there is no entity '${feature.by}'; there are ${Object.keys(set.entities).join(', ') || 'none'}`)
  if ('windowMs' in feature) positive(feature.windowMs, 'windowMs', report)
  if ('horizonMs' in feature) positive(feature.horizonMs, 'horizonMs', report)
  if ('keep' in feature) keepProblems(feature, report)
  if ('atLeast' in feature && !(feature.atLeast >= 0)) report('atLeast', `${feature.atLeast} must be 0 or more`)
  if ('floor' in feature && !(feature.floor >= 0)) report('floor', `${feature.floor} must be 0 or more`)
  if ('unitMs' in feature) positive(feature.unitMs, 'unitMs', report)
  if (feature.kind === 'quantile' && !(feature.q >= 0 && feature.q <= 1)) report('q', `${feature.q} must lie in 0..1`)
  if (feature.kind === 'ewma' || feature.kind === 'surprise') positive(feature.halfLifeMs, 'halfLifeMs', report)
  if (feature.kind === 'seasonal') seasonProblems(set, feature, report)
  if (feature.kind === 'neighbour-distance') neighbourProblems(feature, report)
  if (feature.kind === 'surprise' && feature.of.length === 0) report('of', 'names no feature')
  if (feature.kind === 'ratio' || feature.kind === 'difference' || isReflective(feature))
    operandProblems(set, feature, at, report)
  return problems
}

type Report = (field: string, problem: string) => void

function positive(duration: number, field: string, report: Report): void {
  if (!(duration > 0 && Number.isFinite(duration))) report(field, `${duration} must be more than 0`)
}

function keepProblems(feature: Extract<Feature, { readonly keep: unknown }>, report: Report): void {
  const { keep, windowMs } = feature
  if ('tileMs' in keep) {
    const tiles = windowMs / keep.tileMs
    if (!Number.isInteger(keep.tileMs) || keep.tileMs < 1)
      report('keep.tileMs', `${keep.tileMs} must be a whole number of milliseconds`)
    else if (!Number.isInteger(tiles))
      report('keep.tileMs', `the window of ${windowMs} ms is not a multiple of ${keep.tileMs} ms`)
    else if (tiles > mostTiles)
      report('keep.tileMs', `the window has ${tiles} tiles, at most ${mostTiles} are possible`)
    if (feature.kind === 'quantile' || feature.kind === 'robust-zscore' || feature.kind === 'trend')
      report('keep', `a ${feature.kind} needs the values themselves: keep them exact`)
    return
  }
  const [field, cap] = 'exact' in keep ? ['keep.exact', keep.exact] : ['keep.lastSeen', keep.lastSeen]
  if (!Number.isInteger(cap) || cap < 1 || cap > mostPairs)
    report(field, `${cap} must be a whole number from 1 to ${mostPairs}`)
}

function seasonProblems(
  set: FeatureSet,
  { time, slots, horizonMs, period }: Extract<Feature, { readonly kind: 'seasonal' }>,
  report: Report,
): void {
  const periodMs = period === 'day' ? 86_400_000 : 7 * 86_400_000
  if (time !== set.time)
    report('time', `'${time}' is not the event time '${set.time}': histories are kept in event time`)
  if (!Number.isInteger(slots) || slots < 1 || slots > 10_080)
    report('slots', `${slots} must be a whole number from 1 to 10080`)
  else if ((horizonMs / periodMs) * slots > 4 * mostTiles)
    report(
      'slots',
      `the horizon has ${Math.ceil((horizonMs / periodMs) * slots)} slots, at most ${4 * mostTiles} are possible`,
    )
}

function operandProblems(
  set: FeatureSet,
  feature: Extract<Feature, { readonly kind: 'ratio' | 'difference' }> | ReflectiveFeature,
  at: number,
  report: Report,
): void {
  for (const [field, operand] of operandsOf(feature)) {
    const found = set.features.findIndex((other) => other.name === operand)
    if (found < 0) report(field, `there is no feature '${operand}'`)
    else if (found >= at) report(field, `'${operand}' must be declared before it`)
  }
}

function operandsOf(
  feature: Extract<Feature, { readonly kind: 'ratio' | 'difference' }> | ReflectiveFeature,
): readonly (readonly [field: string, operand: string])[] {
  if (isReflective(feature)) return namesOf(feature).map((name) => ['of', name])
  return feature.kind === 'ratio'
    ? [
        ['over', feature.over],
        ['under', feature.under],
      ]
    : [
        ['left', feature.left],
        ['right', feature.right],
      ]
}

function neighbourProblems(
  { lags, nearest, cap }: Extract<Feature, { readonly kind: 'neighbour-distance' }>,
  report: Report,
): void {
  for (const [field, count] of Object.entries({ lags, nearest, cap }))
    if (!Number.isInteger(count) || count < 1 || count > mostPairs)
      report(field, `${count} must be a whole number from 1 to ${mostPairs}`)
  if (cap < 2 * lags - 2 + nearest) report('cap', `${cap} values hold fewer than ${nearest} stretches of ${lags}`)
}

function columnsOf(feature: Feature): readonly string[] {
  return [
    ...('value' in feature ? valueColumns(feature.value) : []),
    ...('where' in feature && feature.where !== undefined ? whereColumns(feature.where) : []),
    ...('match' in feature ? whereColumns(feature.match) : []),
    ...('column' in feature ? [feature.column] : []),
    ...('since' in feature ? [feature.since] : []),
    ...('lat' in feature ? [feature.lat, feature.lon] : []),
    ...('offset' in feature && feature.offset !== undefined ? [feature.offset] : []),
  ]
}

const whereColumns = (where: Where): readonly string[] => Object.keys(where)

function valueColumns(value: Value): readonly string[] {
  if ('column' in value)
    return 'offset' in value && value.offset !== undefined ? [value.column, value.offset] : [value.column]
  if ('between' in value) return value.between
  if ('left' in value) return [...valueColumns(value.left), ...valueColumns(value.right)]
  if ('of' in value) return valueColumns(value.of)
  if ('within' in value) return valueColumns(value.within)
  if ('missing' in value) return [value.missing]
  return 'km' in value ? value.km : []
}
