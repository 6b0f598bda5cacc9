import type { Feature } from '../../features/feature.js'
import type { Value, Where } from '../../features/value.js'
import { listed, unknownColumn, type ColumnInfo, type ColumnKind } from '../schema/schema.js'

type Columns = ReadonlyMap<string, ColumnInfo>
type Report = (problem: string) => void

const numeric: readonly ColumnKind[] = ['number', 'integer', 'boolean']
const textual: readonly ColumnKind[] = ['text', 'enum']

/**
 * The problems of one feature with the columns, each starting with `where`. features/plan/validate.ts checks everything
 * else about it.
 */
export function featureProblems(where: string, feature: Feature, columns: Columns): readonly string[] {
  const problems: string[] = []
  const report: Report = (problem) => problems.push(`${where}: ${problem}`)
  const column = (name: string, kinds: readonly ColumnKind[] | undefined, use: string): void => {
    const found = columns.get(name)
    if (found === undefined) problems.push(unknownColumn(where, name, columns))
    else if (kinds !== undefined && !kinds.includes(found.kind))
      report(
        `column '${name}' holds ${found.kind}; ${use} needs ` +
          (kinds.includes('time') ? 'a timestamp-millis' : kinds === textual ? 'text' : 'a number'),
      )
  }
  if ('value' in feature) valueProblems(feature.value, feature.kind, column)
  if ('column' in feature) column(feature.column, undefined, feature.kind)
  if ('since' in feature) column(feature.since, ['time'], feature.kind)
  if ('lat' in feature) [feature.lat, feature.lon].forEach((name) => column(name, numeric, feature.kind))
  if ('time' in feature) column(feature.time, ['time'], feature.kind)
  if ('offset' in feature && feature.offset !== undefined) column(feature.offset, numeric, 'a UTC offset')
  if ('where' in feature && feature.where !== undefined) whereProblems(feature.where, columns, column, report)
  if ('match' in feature) whereProblems(feature.match, columns, column, report)
  durationProblems(feature, report)
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
    if ((value.op === 'length' || value.op === 'digits') && 'column' in value.of)
      column(value.of.column, textual, value.op)
    else valueProblems(value.of, use, column)
  } else if ('within' in value) valueProblems(value.within, use, column)
  else if ('km' in value) value.km.forEach((name) => column(name, numeric, 'a distance'))
  else if ('missing' in value) column(value.missing, undefined, 'missing')
  else if ('column' in value) column(value.column, numeric, use)
}

function whereProblems(where: Where, columns: Columns, column: CheckColumn, report: Report): void {
  if (Object.keys(where).length === 0) report('a condition without columns matches every event; remove it')
  for (const [name, wanted] of Object.entries(where)) {
    const found = columns.get(name)
    if (typeof wanted === 'object' && !Array.isArray(wanted)) column(name, numeric, 'a bound')
    else column(name, undefined, 'a condition')
    if (found?.kind !== 'enum') continue
    for (const one of Array.isArray(wanted) ? (wanted as unknown[]) : [wanted])
      if (!found.symbols.includes(one as string))
        report(`column '${name}' is never ${JSON.stringify(one)}; it is one of ${listed(found.symbols)}`)
  }
}

/** Reports invalid durations, which are NaN here, under the names that the stream file uses. */
function durationProblems(feature: Feature, report: Report): void {
  const keep = 'keep' in feature && 'tileMs' in feature.keep ? { tile: feature.keep.tileMs } : {}
  const written = {
    window: 'windowMs' in feature ? feature.windowMs : 1,
    horizon: 'horizonMs' in feature ? feature.horizonMs : 1,
    halfLife: 'halfLifeMs' in feature ? feature.halfLifeMs : 1,
    per: 'unitMs' in feature ? feature.unitMs : 1,
    ...keep,
  }
  for (const [field, ms] of Object.entries(written))
    if (Number.isNaN(ms)) report(`${field} must be a duration such as '90s', '5m', '1h', '7d' or '4w'`)
}
