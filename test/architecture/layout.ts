import { posix } from 'node:path'
import { importsOf, isCode, type Source } from './source.js'
import type { Rule } from './rules.js'

/** The layout of src: which folder may import which, the order of the folders of consumers, what an adapter is. */

/** Folders that a folder of src may import besides itself, `base` and `contracts`. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: [],
  contracts: ['config'],
  log: [],
  features: [],
  state: [],
  scorers: [],
  sinks: [],
  simulator: [],
  streams: ['features'],
  learning: ['streams', 'features'],
  consumers: ['log', 'features', 'state', 'scorers', 'sinks', 'streams', 'learning', 'simulator'],
  api: ['log', 'features', 'state', 'scorers', 'sinks', 'streams', 'learning'],
  compose: [
    'config',
    'log',
    'features',
    'state',
    'scorers',
    'sinks',
    'streams',
    'learning',
    'consumers',
    'api',
    'simulator',
  ],
  cli: [
    'config',
    'log',
    'features',
    'state',
    'scorers',
    'sinks',
    'streams',
    'learning',
    'consumers',
    'api',
    'simulator',
    'compose',
  ],
}

/** The start of the program, and the words that a stream of the user's is written in. */
const rootMayImport: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['config', 'cli'],
  'src/index.ts': ['streams', 'features'],
}

/** A module of the user's is bound to the public face, and the launcher starts the program. */
const alsoImports = new Set(['src/streams/user-module.ts src/index.ts', 'src/cli/launch.cts src/main.ts'])

/** The folders of consumers. A folder imports itself and folders of lower rows, and no other folder of its own row. */
export const rooms: readonly (readonly string[])[] = [
  ['ground'],
  ['control'],
  ['models', 'scoring', 'warehouse'],
  ['dead-letters', 'serving'],
  ['replay'],
  ['backup', 'watch'],
]

/** A folder with one of these names is an adapter: the composition root alone chooses it. */
const technologies = new Set(['chdb', 'clickhouse', 'confluent', 'kafka', 'lmdb', 'local', 'onnx', 'redis'])

const inSource = (file: Source): boolean => file.path.startsWith('src/') && isCode(file.path)
const folderOf = (path: string): string => (path.split('/').length > 2 ? path.split('/')[1]! : '')
const roomOf = (path: string): string | undefined => /^src\/consumers\/([^/]+)\//.exec(path)?.[1]
const isAdapter = (path: string): boolean =>
  posix
    .dirname(path)
    .split('/')
    .slice(2)
    .some((name) => technologies.has(name))

/** Files of src that a file imports, statically, dynamically or for types. */
export const relativeImports = (file: Source): readonly string[] =>
  importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(file.path), name.replace(/\.c?js$/, '.ts')))
    .filter((path) => path.startsWith('src/'))

export const importsPointOneWay: Rule = (file) => {
  if (!inSource(file)) return []
  const from = folderOf(file.path)
  const allowed = from === '' ? rootMayImport[file.path] : mayImport[from]
  if (allowed === undefined)
    return [
      `${file.path}: ${from === '' ? 'the root of src keeps index.ts and main.ts' : `src/${from}/ is in no layout`}`,
    ]
  const open = new Set([from, 'base', 'contracts', ...allowed])
  if (from === 'base') open.delete('contracts')
  return relativeImports(file)
    .filter((path) => !open.has(folderOf(path)) && !alsoImports.has(`${file.path} ${path}`))
    .map((path) => `${file.path} imports ${path}`)
}

const rowOf = (room: string): number => rooms.findIndex((row) => row.includes(room))

export const roomsStandInOrder: Rule = (file) => {
  if (!inSource(file) || !file.path.startsWith('src/consumers/')) return []
  const room = roomOf(file.path)
  if (room === undefined || rowOf(room) < 0) return [`${file.path}: stands in no room of the consumers`]
  return relativeImports(file).flatMap((path) => {
    const other = roomOf(path)
    return other === undefined || other === room || rowOf(other) < rowOf(room)
      ? []
      : [`${file.path} imports ${path}: ${other} does not stand below ${room}`]
  })
}

/** An adapter may be made of several folders of one port's technology; everybody else sees the port. */
export const onlyTheRootChoosesAdapters: Rule = (file) =>
  inSource(file) && folderOf(file.path) !== 'compose'
    ? relativeImports(file)
        .filter((path) => isAdapter(path) && !(isAdapter(file.path) && folderOf(path) === folderOf(file.path)))
        .map((path) => `${file.path} imports the adapter ${path}`)
    : []

/**
 * Groups of at least two nodes that reach each other. Source: Tarjan, "Depth-first search and linear graph algorithms",
 * 1972.
 */
export function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (node: string): void => {
    index.set(node, index.size)
    low.set(node, index.get(node)!)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next)
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!))
    }
    if (low.get(node) !== index.get(node)) return
    const group = stack.splice(stack.indexOf(node))
    if (group.length > 1) found.push(group.sort())
  }
  for (const node of graph.keys()) if (!index.has(node)) visit(node)
  return found
}

/** Which file of src imports which. */
export function importGraph(files: readonly Source[]): ReadonlyMap<string, readonly string[]> {
  const sources = files.filter(inSource)
  const known = new Set(sources.map(({ path }) => path))
  return new Map(sources.map((file) => [file.path, relativeImports(file).filter((path) => known.has(path))]))
}

/**
 * The same between folders: a folder below a folder of src is a node; a file beside such folders stands for itself.
 */
export function roomGraph(graph: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const room = (path: string): string => (path.split('/').length > 3 ? posix.dirname(path) : path)
  const out = new Map<string, Set<string>>()
  for (const [file, imported] of graph) {
    const to = out.get(room(file)) ?? new Set<string>()
    for (const path of imported) if (room(path) !== room(file)) to.add(room(path))
    out.set(room(file), to)
  }
  return new Map([...out].map(([name, to]) => [name, [...to]]))
}

/** Folders of src with more files than a reader takes in at a glance. */
export function crowdedFolders(files: readonly Source[], most: number): readonly string[] {
  const counts = new Map<string, number>()
  for (const { path } of files.filter(inSource))
    counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1)
  return [...counts].filter(([, count]) => count > most).map(([folder, count]) => `${folder}: ${count} files`)
}
