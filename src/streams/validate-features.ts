import type { Feature, Value, Where } from '../features/feature.js'
import { horizonMs } from './horizon.js'
import { listed, unknownColumn, type ColumnInfo, type ColumnKind } from './schema.js'
import type { Stream } from './stream.js'

export interface Surroundings {
  readonly stream: Stream
  readonly columns: ReadonlyMap<string, ColumnInfo>
  /** Names of the features declared before. */
  readonly before: readonly string[]
}

type Report = (problem: string) => void

/** Pairs kept per entity: 10,000 x 16 B = 160 KiB of state is where one host's history stops being cheap. */
const mostPairs = 10_000
/** Tiles of a window: 4,096 x 16 B = 64 KiB. */
const mostTiles = 4_096

const numeric: readonly ColumnKind[] = ['number', 'integer', 'boolean']
const textual: readonly ColumnKind[] = ['text', 'enum']

/** What is wrong with one feature, each line starting with `where`. */
export function featureProblems(where: string, feature: Feature, around: Surroundings): readonly string[] {
  const problems: string[] = []
  const report: Report = (problem) => problems.push(`${where}: ${problem}`)
  const column = (name: string, kinds: readonly ColumnKind[] | undefined, use: string): void => {
    const found = around.columns.get(name)
    if (found === undefined) problems.push(unknownColumn(where, name, around.columns))
    else if (kinds !== undefined && !kinds.includes(found.kind)) report(`column '${name}' holds ${found.kind}; ${use} needs ${kinds.includes('time') ? 'a timestamp-millis' : kinds === textual ? 'text' : 'a number'}`)
  }
  if ('by' in feature && !(feature.by in around.stream.entities)) report(`there is no entity '${feature.by}'; there are ${listed(Object.keys(around.stream.entities))}`)
  if ('value' in feature) valueProblems(feature.value, feature.kind, column)
  if ('column' in feature) column(feature.column, undefined, feature.kind)
  if ('since' in feature) column(feature.since, ['time'], feature.kind)
  if ('lat' in feature) [feature.lat, feature.lon].forEach((name) => column(name, numeric, feature.kind))
  if ('time' in feature) column(feature.time, ['time'], feature.kind)
  if ('offset' in feature && feature.offset !== undefined) column(feature.offset, numeric, 'a UTC offset')
  if ('where' in feature && feature.where !== undefined) whereProblems(feature.where, around.columns, column, report)
  if ('match' in feature) whereProblems(feature.match, around.columns, column, report)
  windowProblems(feature, report)
  parameterProblems(feature, around, report)
  return problems
}

type CheckColumn = (name: string, kinds: readonly ColumnKind[] | undefined, use: string) => void

function valueProblems(value: Value, use: string, column: CheckColumn): void {
  if ('clock' in value) {
    column(value.column, ['time'], value.clock)
    if (value.offset !== undefined) column(value.offset, numeric, 'a UTC offset')
  } else if ('between' in value) value.between.forEach((name) => column(name, ['time'], 'a time between'))
  else if ('left' in value) [value.left, value.right].forEach((side) => valueProblems(side, use, column))
  else if ('of' in value) {
    if ((value.op === 'length' || value.op === 'digits') && 'column' in value.of) column(value.of.column, textual, value.op)
    else valueProblems(value.of, use, column)
  } else if ('within' in value) valueProblems(value.within, use, column)
  else if ('km' in value) value.km.forEach((name) => column(name, numeric, 'a distance'))
  else if ('missing' in value) column(value.missing, undefined, 'missing')
  else if ('column' in value) column(value.column, numeric, use)
}

function whereProblems(where: Where, columns: Surroundings['columns'], column: CheckColumn, report: Report): void {
  if (Object.keys(where).length === 0) report('a condition without columns holds for every event; leave it out')
  for (const [name, wanted] of Object.entries(where)) {
    const found = columns.get(name)
    if (typeof wanted === 'object' && !Array.isArray(wanted)) column(name, numeric, 'a bound')
    else column(name, undefined, 'a condition')
    if (found?.kind !== 'enum') continue
    for (const one of Array.isArray(wanted) ? (wanted as unknown[]) : [wanted])
      if (!found.symbols.includes(one as string)) report(`column '${name}' is never ${JSON.stringify(one)}; it is one of ${listed(found.symbols)}`)
  }
}

function windowProblems(feature: Feature, report: Report): void {
  if (('windowMs' in feature || 'horizonMs' in feature) && !(horizonMs(feature) > 0)) report("the window must be a positive duration such as '90s', '5m', '1h', '7d' or '4w'")
  if (!('keep' in feature)) return
  if ('tileMs' in feature.keep) {
    const tiles = feature.windowMs / feature.keep.tileMs
    if (!Number.isInteger(tiles) || tiles > mostTiles) report(`the window must be a whole number of tiles, at most ${mostTiles}; it is ${tiles}`)
    if (feature.kind === 'robust-zscore' || feature.kind === 'quantile' || feature.kind === 'trend') report("needs 'exact' values; tiles have no order")
  } else {
    const cap = 'exact' in feature.keep ? feature.keep.exact : feature.keep.lastSeen
    if (!Number.isInteger(cap) || cap < 1 || cap > mostPairs) report(`keeps ${cap} values; 1 to ${mostPairs} are possible`)
  }
}

function parameterProblems(feature: Feature, around: Surroundings, report: Report): void {
  const earlier = (name: string): void => {
    if (!around.before.includes(name)) report(`there is no feature '${name}' before it`)
  }
  if (feature.kind === 'ratio') [feature.over, feature.under].forEach(earlier)
  if (feature.kind === 'difference') [feature.left, feature.right].forEach(earlier)
  if (feature.kind === 'quantile' && !(feature.q >= 0 && feature.q <= 1)) report(`quantile ${feature.q} must lie in 0..1`)
  if ('floor' in feature && !(feature.floor > 0)) report(`floor ${feature.floor} must be positive`)
  if ('atLeast' in feature && !(Number.isInteger(feature.atLeast) && feature.atLeast >= 1)) report(`atLeast ${feature.atLeast} must be a whole number, 1 or more`)
  if ('unitMs' in feature && !(feature.unitMs > 0)) report("'per' must be a duration such as '1h'")
  if (feature.kind === 'ewma' && !(feature.halfLifeMs > 0)) report("the half-life must be a duration such as '6h'")
  if (feature.kind === 'seasonal' && !(Number.isInteger(feature.slots) && feature.slots >= 1 && feature.slots <= 2_016)) report(`slots ${feature.slots} must be a whole number from 1 to 2016`)
  if ('otherwise' in feature && typeof feature.otherwise !== 'number') report('otherwise must be a number')
}
