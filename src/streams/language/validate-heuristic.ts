import { messageOf } from '../../base/errors.js'
import { namedValues, unknownFeature } from '../../base/named-values.js'
import type { Stream } from '../stream.js'

/**
 * The problems of a heuristic, each as `field: problem`. It serves when no model does, so it must return a score even
 * for an entity's first event, and it may read only features that exist. Most heuristics read some features only for
 * some values of others, so it is called with many vectors.
 */
export function heuristicProblems({ features, typical, heuristic }: Stream): readonly string[] {
  const names = features.map(({ name }) => name)
  const unknown = new Set<string>()
  const values = namedValues(names, (name) => {
    unknown.add(name)
    return Number.NaN
  })
  const call = (vector: readonly number[]): unknown => {
    values.fill(vector, 0)
    try {
      return heuristic(values.x)
    } catch (error) {
      return error
    }
  }
  const scores = plain.flatMap(([when, value]) => {
    const score = call(names.map(() => value))
    return typeof score === 'number' && score >= 0 && score <= 1
      ? []
      : [`heuristic: returns ${String(score)} with ${when}; a score is a number from 0 to 1`]
  })
  const failed = probes(names.length, String(heuristic))
    .map(call)
    .find((score) => score instanceof Error)
  return [
    ...Object.keys(typical ?? {})
      .filter((name) => !names.includes(name))
      .map((name) => `typical.${name}: there is no such feature`),
    ...[...unknown].map((name) => `heuristic: ${unknownFeature(name, names)}`),
    ...scores,
    ...(scores.length === 0 && failed !== undefined
      ? [`heuristic: throws with some values: ${messageOf(failed)}`]
      : []),
  ]
}

const plain = [
  ['every feature missing', Number.NaN],
  ['every feature 0', 0],
  ['every feature 1', 1],
] as const

const mostProbes = 512
const usual = [Number.NaN, 0, 1, -1, 0.5, 2, 5, 20, 100, 1e4, 1e6, 1e9, -100]

/** Vectors of usual numbers, and of numbers around those in the heuristic's text; the same at every start. */
function probes(width: number, source: string): readonly (readonly number[])[] {
  const written = [...new Set(source.match(/(?<![\w.$])\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?/gi) ?? [])].map((text) =>
    Number(text.replaceAll('_', '')),
  )
  const around = written.flatMap((one) => [one, one * 1.01 + 1e-6, one * 0.99 - 1e-6, -one])
  const pool = [...usual, ...around].slice(0, mostProbes / 4)
  const uniform = pool.map((value) => Array<number>(width).fill(value))
  let seed = 1
  const next = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff)
  const mixed = Array.from({ length: mostProbes - pool.length }, () =>
    Array.from({ length: width }, () => pool[(next() >>> 8) % pool.length]!),
  )
  return [...uniform, ...mixed]
}
