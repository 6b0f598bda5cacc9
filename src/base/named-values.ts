import { EngineError } from './errors.js'

/** The values of features by name: the argument of heuristics. One object, with new values for each vector. */
export interface NamedValues {
  readonly x: Readonly<Record<string, number>>
  /** Takes over the values of a vector that starts at `from`. */
  fill(vectors: ArrayLike<number>, from: number): void
}

/**
 * A name that no feature has is passed to `unknown`, and never reads as undefined. Names of features are own properties
 * of the object and do not get near the proxy behind it, so they cost what they cost in any object.
 */
export function namedValues(names: readonly string[], unknown: (name: string) => number): NamedValues {
  const others = new Proxy(Object.prototype, {
    get: (target, name, x) =>
      typeof name === 'symbol' || name in target ? (Reflect.get(target, name, x) as unknown) : unknown(name),
    set: (_, name) => unknown(String(name)) === undefined,
  })
  const x = Object.create(others) as Record<string, number>
  for (const name of names) Object.defineProperty(x, name, { value: 0, writable: true, enumerable: true })
  return {
    x,
    fill: (vectors, from) => {
      for (let i = 0; i < names.length; i++) x[names[i]!] = vectors[from + i]!
    },
  }
}

/** Throws BAD_STREAM: a heuristic must not score with a feature that does not exist. */
export function refuseUnknown(stream: string, names: readonly string[]): (name: string) => never {
  return (name) => {
    throw new EngineError('BAD_STREAM', `stream '${stream}': heuristic: ${unknownFeature(name, names)}`)
  }
}

export function unknownFeature(name: string, names: readonly string[]): string {
  const near = names.find((one) => distance(one, name) === Math.min(...names.map((other) => distance(other, name))))
  const meant =
    near !== undefined && distance(near, name) <= 3 ? `did you mean '${near}'?` : `there are ${names.join(', ')}`
  return `reads '${name}', but there is no such feature; ${meant}`
}

/** The number of letters to change, add or leave out (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let k = 1; k <= other.length; k++)
      next.push(Math.min(row[k]! + 1, next[k - 1]! + 1, row[k - 1]! + (one[i - 1] === other[k - 1] ? 0 : 1)))
    row = next
  }
  return row[other.length]!
}
