// What is compared: an engine is a program that reads one topic and writes its predictions to another.

/**
 * What one run gives an engine: a fresh output topic, and a name and a directory that no other run has.
 * @typedef {object} Run
 * @property {'backlog' | 'latency'} kind
 * @property {string} name
 * @property {string} directory
 * @property {string} broker `host:port`
 * @property {string} input
 * @property {string} output
 * @property {Readonly<Record<string, string>>} servers Where Redis and ClickHouse are, as environment variables.
 */

/**
 * @typedef {object} Program
 * @property {string} command
 * @property {readonly string[]} args
 * @property {Readonly<Record<string, string>>} env
 */

/** An event of the workload by its number, and its score. @typedef {readonly [number: number, score: number]} Scored */

/**
 * @typedef {object} Engine
 * @property {string} name
 * @property {string} about How it is set up, for the reader of the figures.
 * @property {readonly string[]} [measurements] Those that it is there for; all where absent.
 * @property {number} [warmSeconds] Its warm-up takes no less.
 * @property {() => Promise<void>} build Makes what it runs from, once per machine.
 * @property {(run: Run) => Promise<Program>} program
 * @property {(value: Buffer) => readonly Scored[]} read The predictions in a record of its output.
 * @property {(run: Run) => Promise<number>} [stored] Rows in its warehouse, where it fills one: a backlog ends when all
 *   are there.
 */

/** The workload counts its events: e0000000, e0000001 ... @param {string} id */
export const numberOf = (id) => Number(id.slice(1))
