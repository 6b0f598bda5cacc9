import type { Dictionary } from './native.js'

/** Builds a LowCardinality column. Values are added in row order, a run of rows at a time. */
export interface DictionaryColumn {
  /** Gives the next `count` rows this value. */
  fill(value: string, count: number): void
  /** Gives the next rows `values[code]`, one row per code. */
  codes(values: readonly string[], codes: ArrayLike<number>): void
  /** Gives the next row this value. */
  add(value: string): void
  readonly column: { readonly type: 'LowCardinality(String)'; readonly of: Dictionary }
}

export function dictionaryColumn(rows: number): DictionaryColumn {
  const keys: string[] = []
  const known = new Map<string, number>()
  const indexes = new Uint32Array(rows)
  let at = 0
  const indexOf = (value: string): number => {
    const index = known.get(value)
    if (index !== undefined) return index
    known.set(value, keys.length)
    return keys.push(value) - 1
  }
  return {
    fill(value, count) {
      indexes.fill(indexOf(value), at, at + count)
      at += count
    },
    codes(values, codes) {
      const translated = values.map(indexOf)
      for (let row = 0; row < codes.length; row++) indexes[at + row] = translated[codes[row]!]!
      at += codes.length
    },
    add(value) {
      indexes[at++] = indexOf(value)
    },
    column: { type: 'LowCardinality(String)', of: { keys, indexes } },
  }
}
