import { closest } from './edit-distance.js'
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
  const near = closest(name, names)
  const meant =
    near !== undefined && near.distance <= 3 ? `did you mean '${near.word}'?` : `there are ${names.join(', ')}`
  return `reads '${name}', but there is no such feature; ${meant}`
}
