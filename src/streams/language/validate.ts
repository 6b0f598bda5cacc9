import { messageOf } from '../../base/errors.js'
import { validate } from '../../features/plan/validate.js'
import { avroVersions } from '../schema/avro.js'
import { durationText } from './duration.js'
import { featureProblems } from './validate-features.js'
import { heuristicProblems } from './validate-heuristic.js'
import { longestHorizonMs } from './horizon.js'
import { columnsOf, schemaProblems, unknownColumn, type ColumnInfo } from '../schema/schema.js'
import type { Stream } from '../stream.js'

const name = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/
const featureName = /^[a-z][a-z0-9_]{0,63}$/
const most = { partitions: 1_024, nameLength: 48 } as const

/** All problems of a stream whose durations are durations, each as `field: problem`; empty for a valid stream. */
export function validateStream(stream: Stream): readonly string[] {
  const columns = new Map(columnsOf(stream.schema).map((column) => [column.name, column]))
  return [
    ...schemaProblems(stream.schema),
    ...avroProblems(stream),
    ...nameProblems(stream),
    ...roleProblems(stream, columns),
    ...entityProblems(stream, columns),
    ...featureNameProblems(stream),
    ...stream.features.flatMap(({ name, feature }) => featureProblems(`features.${name}`, feature, columns)),
    ...planProblems(stream),
    ...boundProblems(stream),
    ...riskProblems(stream),
    ...heuristicProblems(stream),
  ]
}

function avroProblems(stream: Stream): readonly string[] {
  try {
    avroVersions(stream.schema, stream.olderSchemas)
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}

function nameProblems(stream: Stream): readonly string[] {
  const problems: string[] = []
  if (!name.test(stream.name) || stream.name.length > most.nameLength)
    problems.push(
      `name: '${stream.name}' must be lower-case words joined by '-', at most ${most.nameLength} characters`,
    )
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(stream.topic))
    problems.push(`topic: '${stream.topic}' must be letters, digits, '.', '_' or '-'`)
  if (stream.model !== undefined && !name.test(stream.model))
    problems.push(`model: '${stream.model}' must be lower-case words joined by '-'`)
  return problems
}

function roleProblems(stream: Stream, columns: ReadonlyMap<string, ColumnInfo>): readonly string[] {
  const roles = [
    ['id', stream.id, 'text'],
    ['time', stream.time, 'time'],
    ['tenant', stream.tenant, 'text'],
    ['key', stream.key, 'text'],
  ] as const
  return roles.flatMap(([role, column, kind]) => {
    const found = columns.get(column)
    if (typeof column !== 'string') return [`${role}: must name a column`]
    if (found === undefined) return [unknownColumn(role, column, columns)]
    if (found.kind !== kind)
      return [
        `${role}: column '${column}' holds ${found.kind}, must hold ` +
          (kind === 'time' ? 'a timestamp-millis' : 'text'),
      ]
    return found.nullable ? [`${role}: column '${column}' may be null; every event needs a value`] : []
  })
}

/**
 * Every history must be in one partition, or features would depend on the assignment of partitions. For an entity with
 * the scope `tenant` this holds when the tenant is the key, or when the key is one of the entity's columns.
 */
function entityProblems(stream: Stream, columns: ReadonlyMap<string, ColumnInfo>): readonly string[] {
  const entities = Object.entries(stream.entities)
  if (entities.length === 0) return ['entities: at least one is needed; a prediction is about the first one']
  return entities.flatMap(([entity, { columns: ids, scope }]) => {
    const where = `entities.${entity}`
    const problems = ids.filter((id) => !columns.has(id)).map((id) => unknownColumn(where, id, columns))
    if (!featureName.test(entity)) problems.push(`${where}: a name is lower-case letters, digits and '_'`)
    for (const id of ids)
      if (columns.has(id) && !['text', 'enum'].includes(columns.get(id)!.kind))
        problems.push(`${where}: column '${id}' holds ${columns.get(id)!.kind}; an id is text`)
    if (!['tenant', 'partition'].includes(scope))
      problems.push(`${where}: scope '${scope}' must be 'tenant' or 'partition'`)
    if (scope === 'tenant' && stream.key !== stream.tenant && !ids.includes(stream.key))
      problems.push(
        `${where}: its events are spread over partitions, because the key is '${stream.key}'; use the tenant ` +
          `as the key, identify it by '${stream.key}' too, or declare scope: 'partition'`,
      )
    return problems
  })
}

/**
 * The problems of compiling the features, in the terms of the stream file. Lines with NaN are left out: they are about
 * durations that another check reports.
 */
function planProblems(stream: Stream): readonly string[] {
  try {
    validate(stream)
    return []
  } catch (error) {
    const lines = messageOf(error)
      .split('\n')
      .filter((line) => !line.includes('NaN'))
    return lines.map((line) =>
      line
        .replace(`stream ${stream.stream}: `, '')
        .replace(/^feature /, 'features.')
        .replace(/^entity /, 'entities.'),
    )
  }
}

function featureNameProblems(stream: Stream): readonly string[] {
  return stream.features
    .filter(({ name }) => !featureName.test(name))
    .map(
      ({ name }) =>
        `features.${name}: a name is lower-case letters, digits and '_', at most 64, starting with a letter`,
    )
}

function boundProblems(stream: Stream): readonly string[] {
  const problems: string[] = []
  const horizonMs = longestHorizonMs(stream.features)
  if (!Number.isInteger(stream.partitions) || stream.partitions < 1 || stream.partitions > most.partitions)
    problems.push(`partitions: ${stream.partitions} must be a whole number from 1 to ${most.partitions}`)
  if (
    stream.latenessBy !== undefined &&
    !stream.features.some(({ feature }) => 'by' in feature && feature.by === stream.latenessBy)
  )
    problems.push(`latenessBy: no feature is by '${stream.latenessBy}'`)
  if (stream.outcome.matureAfterMs <= 0) problems.push('outcome.matureAfter: must be more than 0')
  if (!['genuine', 'unknown'].includes(stream.outcome.silenceMeans))
    problems.push("outcome.silenceMeans: must be 'genuine' or 'unknown'")
  if (stream.retentionMs < horizonMs + stream.latenessMs)
    problems.push(
      `retention: ${durationText(stream.retentionMs)} is shorter than the longest horizon ` +
        `(${durationText(horizonMs)}) plus the lateness (${durationText(stream.latenessMs)}); the log could ` +
        'not rebuild the state',
    )
  if (!['medium', 'high', 'never'].includes(stream.reasonsFrom))
    problems.push("reasonsFrom: must be 'medium', 'high' or 'never'")
  return problems
}

function riskProblems({ risk }: Stream): readonly string[] {
  return risk.medium > 0 && risk.medium < risk.high && risk.high <= 1
    ? []
    : [`risk: medium ${risk.medium} and high ${risk.high} must be 0 < medium < high <= 1`]
}
