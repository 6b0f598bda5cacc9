import { columnsOf, type ColumnInfo } from './schema.js'
import type { AvroRecord } from '../../contracts/streams.js'

/**
 * A TypeScript file with the event type of each schema, for example `AttendanceEvent` for a record `Attendance`. With
 * `avsc<AttendanceEvent>(...)` the compiler knows a stream's columns. `from` is the module that exports `Timestamp`.
 */
export function eventTypes(records: readonly AvroRecord[], from = 'tidemill'): string {
  const header = [
    '/* Generated from Avro schemas (*.avsc); do not edit. */',
    `import type { Timestamp } from '${from}'`,
  ].join('\n')
  return [header, ...records.map(eventType)].join('\n\n') + '\n'
}

function eventType(record: AvroRecord): string {
  const docs = new Map(record.fields.map((field) => [field.name, field.doc]))
  const lines = columnsOf(record).flatMap((column) => [
    ...docLine('  ', docs.get(column.name)),
    `  readonly ${column.name}: ${typeOf(column)}${column.nullable ? ' | null' : ''}`,
  ])
  return [...docLine('', record.doc), `export interface ${record.name}Event {`, ...lines, '}'].join('\n')
}

const docLine = (indent: string, doc: string | undefined): readonly string[] =>
  doc === undefined ? [] : [`${indent}/** ${doc.replaceAll('*/', '* /')} */`]

function typeOf(column: ColumnInfo): string {
  const types = {
    text: 'string',
    enum: column.symbols.map((symbol) => `'${symbol}'`).join(' | '),
    boolean: 'boolean',
    integer: 'number',
    number: 'number',
    time: 'Timestamp',
  }
  return types[column.kind]
}
