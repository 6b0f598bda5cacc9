import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** One file of the project, by its path from the root. */
export interface Source {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
}

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A file that need not exist, so that a rule can be shown what it must refuse. */
export const source = (path: string, text: string): Source => ({
  path,
  text,
  tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
})

/** What git knows of or would take: nothing that is ignored, nothing that was deleted. */
export const projectFiles = (): readonly string[] =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '' && readable(path))

const readable = (path: string): boolean => {
  try {
    return !readFileSync(`${root}${path}`).subarray(0, 8_000).includes(0)
  } catch {
    return false
  }
}

export const textOf = (path: string): string => readFileSync(`${root}${path}`, 'utf8')

export const isCode = (path: string): boolean => /\.(ts|cts|js)$/.test(path)

const walked = new WeakMap<ts.SourceFile, readonly ts.Node[]>()

/** Every node of the tree, parents first; walked once for all rules. */
export function nodes(tree: ts.SourceFile): readonly ts.Node[] {
  const known = walked.get(tree)
  if (known !== undefined) return known
  const all: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    all.push(node)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  walked.set(tree, all)
  return all
}

/** Module names that a file imports, statically, dynamically, for types, or exports from. */
export const importsOf = (file: Source): readonly string[] =>
  ts.preProcessFile(file.text, true, true).importedFiles.map((one) => one.fileName)

/** 12: what was found. */
export const at = (file: Source, node: ts.Node, what: string): string =>
  `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`

/** The whole project. Files that are no code have no tree. */
export const paths = projectFiles()
export const files: readonly Source[] = paths.map((path) =>
  isCode(path) ? source(path, textOf(path)) : { ...source(path, ''), text: textOf(path) },
)
