import { posix } from 'node:path'
import ts from 'typescript'
import { at, importsOf, isCode, nodes, type Source } from './source.js'

/** What a file breaks, a sentence each; an empty list when it keeps the rule. */
export type Rule = (file: Source) => readonly string[]

const inSource = (file: Source): boolean => file.path.startsWith('src/') && isCode(file.path)

const packagesOnlyIn =
  (packages: RegExp, allowed: (path: string) => boolean): Rule =>
  (file) =>
    inSource(file) && !allowed(file.path)
      ? importsOf(file)
          .filter((name) => packages.test(name))
          .map((name) => `${file.path} imports ${name}`)
      : []

export const rxjsOnlyInConsumers = packagesOnlyIn(/^rxjs(\/|$)/, (path) => path.startsWith('src/consumers/'))
export const rulesDoNotObserve = packagesOnlyIn(
  /^(pino|prom-client|@opentelemetry\/.*)$/,
  (path) => !/^src\/(streams|features|learning)\//.test(path),
)

/** `process.env` reads as ['process', 'env']; `a.b().c` has no such name. */
function dotted(node: ts.Node): string {
  if (ts.isIdentifier(node)) return node.text
  return ts.isPropertyAccessExpression(node) ? `${dotted(node.expression)}.${node.name.text}` : '?'
}

const expressions =
  (applies: (path: string) => boolean, found: (node: ts.Node) => string | undefined): Rule =>
  (file) => {
    if (!isCode(file.path) || !applies(file.path)) return []
    return nodes(file.tree).flatMap((node) => {
      const what = found(node)
      return what === undefined ? [] : [at(file, node, what)]
    })
  }

const importedFrom = (node: ts.Node, module: RegExp, name: string): boolean =>
  ts.isImportSpecifier(node) &&
  (node.propertyName ?? node.name).text === name &&
  module.test((node.parent.parent.parent.moduleSpecifier as ts.StringLiteral).text)

/** The launcher sets one variable before anything else is loaded, and reads no other. */
export const environmentOnlyInConfig = expressions(
  (path) => path.startsWith('src/') && !['src/config/load.ts', 'src/cli/launch.cts'].includes(path),
  (node) =>
    (ts.isPropertyAccessExpression(node) && dotted(node).endsWith('process.env')) ||
    importedFrom(node, /^(node:)?process$/, 'env')
      ? 'reads the environment'
      : undefined,
)

const clocks = new Set([
  'Date.now',
  'performance.now',
  'process.hrtime',
  'process.hrtime.bigint',
  'performance.timeOrigin',
])
export const clockOnlyInClock = expressions(
  (path) => path.startsWith('src/') && path !== 'src/base/clock.ts',
  (node) => {
    if (ts.isPropertyAccessExpression(node) && clocks.has(dotted(node))) return `reads ${dotted(node)}`
    const bareDate =
      ts.isNewExpression(node) && dotted(node.expression) === 'Date' && (node.arguments?.length ?? 0) === 0
    return bareDate ? 'reads the time with new Date()' : undefined
  },
)

export const noHiddenChance = expressions(
  (path) => path.startsWith('src/'),
  (node) => (ts.isPropertyAccessExpression(node) && dotted(node) === 'Math.random' ? 'rolls Math.random' : undefined),
)

/** `x ** y` differs in its last bit between versions of Node, unless the exponent is a whole number that is written. */
export const powersAreTheSameEverywhere = expressions(
  (path) => /^src\/(features|streams)\//.test(path),
  (node) =>
    (ts.isBinaryExpression(node) &&
      node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken &&
      !/^\(?-?\d+\)?$/.test(node.right.getText())) ||
    (ts.isPropertyAccessExpression(node) && dotted(node) === 'Math.pow')
      ? 'computes a power: use exp2 of src/base/exp2.ts'
      : undefined,
)

export const noConsole = expressions(
  (path) => path.startsWith('src/'),
  (node) =>
    ts.isPropertyAccessExpression(node) && dotted(node).startsWith('console.') ? `calls ${dotted(node)}` : undefined,
)

export const outputOnlyInCli = expressions(
  (path) => path.startsWith('src/') && !path.startsWith('src/cli/') && path !== 'src/main.ts',
  (node) =>
    ts.isPropertyAccessExpression(node) && /^process\.(stdout|stderr|stdin)$/.test(dotted(node))
      ? `uses ${dotted(node)}`
      : undefined,
)

export const typesStayOn: Rule = (file) => {
  if (!isCode(file.path)) return []
  const any = nodes(file.tree)
    .filter((node) => node.kind === ts.SyntaxKind.AnyKeyword)
    .map((node) => at(file, node, 'is any'))
  const directives = [...file.text.matchAll(/(\/\/|\/\*)\s*@ts-(ignore|nocheck)/g)].map(
    (match) => `${file.path}: has ${match[0]}`,
  )
  return [...any, ...directives]
}

const vague = /(Manager|Utils?|Impl|Service|Helpers?)$/
const vagueFile = /(^|-)(managers?|utils?|impl|services?|helpers?)$/
/** In the simulated world a manager is a person and a service something that is sold. */
export const namesSayWhatThingsAre: Rule = (file) => {
  if (!isCode(file.path) || file.path.startsWith('src/simulator/world/')) return []
  const names = nodes(file.tree).flatMap((node) => {
    const named =
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isVariableDeclaration(node)
    return named && node.name !== undefined && ts.isIdentifier(node.name) && vague.test(node.name.text)
      ? [at(file, node, `declares ${node.name.text}`)]
      : []
  })
  return vagueFile.test(posix.basename(file.path).replace(/\..*$/, ''))
    ? [`${file.path}: is named after nothing`, ...names]
    : names
}
