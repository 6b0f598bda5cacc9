// What is run, in which order, and what of it has been run already.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** @typedef {import('./engine.js').Engine} Engine @typedef {import('./figures.js').Row} Row */
/** @typedef {{ readonly name: string, readonly rate?: number }} Measurement */
/** @typedef {{ readonly measurement: Measurement, readonly engine: Engine, readonly run: number }} Step */

/** @type {readonly Measurement[]} */
export const measurements = [
  { name: 'backlog' },
  { name: 'latency-1000', rate: 1_000 },
  { name: 'latency-3000', rate: 3_000 },
]

/**
 * Another one is first in each run, because whoever is first finds the machine as nobody else does. @template T @param
 * {readonly T[]} all @param {number} by
 */
const rotated = (all, by) => [...all.slice(by % all.length), ...all.slice(0, by % all.length)]

/**
 * Every run, measurement by measurement, and the engines of one in turn, so that a machine that changes its speed
 * changes it for all. `only` names measurements and engines; where it names none of a kind, all of that kind run: of an
 * engine that is not named, those measurements that it is there for.
 * @param {readonly Engine[]} engines @param {number} runs @param {readonly string[]} only
 * @returns {readonly Step[]}
 */
export function stepsOf(engines, runs, only) {
  const known = [...measurements, ...engines].map(({ name }) => name)
  const strange = only.filter((name) => !known.includes(name))
  if (strange.length > 0)
    throw new RangeError(
      `${strange.join(', ')}: neither a measurement nor an engine that is here. These are: ${known.join(', ')}`,
    )
  /** @template {{ readonly name: string }} T @param {readonly T[]} all */
  const chosen = (all) =>
    all.some(({ name }) => only.includes(name)) ? all.filter(({ name }) => only.includes(name)) : all
  return chosen(measurements).flatMap((measurement) =>
    Array.from({ length: runs }, (_, i) => i + 1).flatMap((run) =>
      rotated(chosen(engines), run - 1).flatMap((engine) =>
        engine.measurements?.includes(measurement.name) === false && !only.includes(engine.name)
          ? []
          : [{ measurement, engine, run }],
      ),
    ),
  )
}

/**
 * The runs that a file of results holds; none where there is no file. @param {string | undefined} file @returns
 * {Promise<Row[]>}
 */
export async function rowsIn(file) {
  if (file === undefined || !existsSync(file)) return []
  return (await readFile(file, 'utf8')).split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

/** The steps that are not among the rows. @param {readonly Step[]} steps @param {readonly Row[]} rows */
export const missingSteps = (steps, rows) =>
  steps.filter(
    ({ measurement, engine, run }) =>
      !rows.some((row) => row.measurement === measurement.name && row.engine === engine.name && row.run === run),
  )
