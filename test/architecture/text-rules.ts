import ts from 'typescript'
import { at, isCode, nodes, type Source } from './source.js'
import type { Rule } from './rules.js'

export const linesOf = (file: Source): number => file.text.split('\n').length - 1

export const filesAreShort: Rule = (file) =>
  /^(src|test|bench|scripts|trainer|web)\/.*\.(ts|cts|js|py)$/.test(file.path) && linesOf(file) > 250
    ? [`${file.path}: ${linesOf(file)} lines`]
    : []

/** Generated event types keep the sentences of their schemas whole. */
const generated = new Set(['src/streams/built-in/events.ts'])

export const linesAreShort: Rule = (file) =>
  /^(src|test|bench|scripts|trainer|docker)\/.*\.(ts|cts|js|py)$/.test(file.path) && !generated.has(file.path)
    ? file.text
        .split('\n')
        .flatMap((line, i) => (line.length > 120 ? [`${file.path}:${i + 1}: ${line.length} characters`] : []))
    : []

export const decisionsAreShort: Rule = (file) =>
  /^docs\/decisions\/.*\.md$/.test(file.path) && linesOf(file) > 40 ? [`${file.path}: ${linesOf(file)} lines`] : []

export const noPathsOfAMachine: Rule = (file) =>
  file.text
    .split('\n')
    .flatMap((line, i) =>
      /(^|[^\w.$}/-])\/(work|home|root|Users)\/\w/.test(line)
        ? [`${file.path}:${i + 1}: names a path of a machine`]
        : [],
    )

export const nothingUnfinished: Rule = (file) =>
  isCode(file.path) || file.path.endsWith('.py')
    ? file.text
        .split('\n')
        .flatMap((line, i) =>
          new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`).test(line)
            ? [`${file.path}:${i + 1}: is unfinished`]
            : [],
        )
    : []

export const testsAllRun: Rule = (file) => {
  if (!/^test\/.*\.ts$/.test(file.path)) return []
  const narrowed = nodes(file.tree).filter(
    (node) =>
      ts.isPropertyAccessExpression(node) &&
      ts.isIdentifier(node.expression) &&
      /^(test|it|describe)$/.test(node.expression.text) &&
      /^(skip|skipIf|runIf|only|todo|fails)$/.test(node.name.text),
  )
  const misnamed =
    /\.test\.ts$/.test(file.path) && !/\.(unit|int|e2e)\.test\.ts$/.test(file.path)
      ? [`${file.path}: no suffix tells what it costs`]
      : []
  return [...narrowed.map((node) => at(file, node, 'narrows the tests')), ...misnamed]
}

/**
 * Columns that only a stream may know. Those without an underscore are everyday words (`kind`, `value`, `text`), and
 * the event's id and tenant are words of the API.
 */
export const columnsOf = (schemas: readonly string[]): ReadonlySet<string> =>
  new Set(
    schemas
      .flatMap((text) => (JSON.parse(text) as { fields: { name: string }[] }).fields.map((field) => field.name))
      .filter((name) => name.includes('_') && name !== 'event_id' && name !== 'tenant_id'),
  )

export const engineKnowsNoColumn =
  (columns: ReadonlySet<string>, exceptions: ReadonlySet<string>): Rule =>
  (file) => {
    if (!/^src\/.*\.ts$/.test(file.path) || /^src\/(streams|simulator)\//.test(file.path)) return []
    return nodes(file.tree).flatMap((node) => {
      const name = ts.isStringLiteralLike(node) || ts.isIdentifier(node) ? node.text : ''
      return columns.has(name) && !exceptions.has(`${file.path} ${name}`)
        ? [at(file, node, `knows the column ${name}`)]
        : []
    })
  }

/** Interfaces that adapters implement: one to four members. */
export const portsAreNarrow =
  (ports: ReadonlySet<string>): Rule =>
  (file) =>
    nodes(file.tree).flatMap((node) => {
      if (!ts.isInterfaceDeclaration(node) || !ports.has(`${file.path} ${node.name.text}`)) return []
      const { length } = node.members
      return length < 1 || length > 4 ? [at(file, node, `the port ${node.name.text} has ${length} members`)] : []
    })

export const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

export const isSource = (path: string): boolean => path.startsWith('src/') && /\.(ts|cts)$/.test(path)
