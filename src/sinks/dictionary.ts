import type { Dictionary } from './native.js'

/** A LowCardinality column in the making: values are added in row order, whole runs at a time. */
export interface DictionaryColumn {
  /** The next `count` rows hold this value. */
  fill(value: string, count: number): void
  /** The next rows hold `values[code]`, a code each. */
  codes(values: readonly string[], codes: ArrayLike<number>): void
  /** The next row holds this value. */
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
