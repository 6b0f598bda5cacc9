/** A node that `EXPLAIN AST` prints: `Function file (alias x) (children 1)`. */
export interface Node {
  readonly kind: string
  /** The name of a function, table or column; '' when the node has none. */
  readonly name: string
  readonly children: readonly Node[]
}

/** Builds the tree from the lines of an `EXPLAIN AST`, whose indentation is the depth. */
export function parseTree(lines: readonly string[]): readonly Node[] {
  const root: Growing = { kind: '', name: '', children: [] }
  const path: { readonly depth: number; readonly node: Growing }[] = [{ depth: -1, node: root }]
  for (const line of lines) {
    const depth = line.search(/\S/)
    if (depth < 0) continue
    const [, kind = '', rest = ''] = /^(\S+) ?(.*)$/.exec(line.slice(depth)) ?? []
    const node: Growing = { kind, name: rest.replace(/ ?\((alias|children) .*$/, ''), children: [] }
    while (path.at(-1)!.depth >= depth) path.pop()
    path.at(-1)!.node.children.push(node)
    path.push({ depth, node })
  }
  return root.children
}

interface Growing extends Node {
  readonly children: Growing[]
}
