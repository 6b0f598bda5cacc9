import { createHash } from 'node:crypto'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { type Block } from '../../src/log/blocks/block.js'
import { riskLevels } from '../../src/contracts/risks.js'
import { decodeBlock } from '../../src/log/blocks/codec.js'
import type { EventLog } from '../../src/log/event-log.js'
import { readAll } from './topics.js'

/** A source record, as `partition/offset`. */
export type Position = string
export const positionOf = (partition: number, offset: number): Position => `${partition}/${offset}`

/**
 * What became of each record: a prediction with every bit that it has, a duplicate notice, or a dead letter with its
 * reason.
 */
export type Results = ReadonlyMap<Position, string>

export const duplicate = 'duplicate'
export const deadLetter = (code: string): string => `dead letter ${code}`

interface Bits {
  readonly scoreBits: number
  readonly vectorBits: readonly number[] | Uint32Array
  readonly risk: string
  readonly version: string
  readonly late: number
}

export const prediction = ({ scoreBits, vectorBits, risk, version, late }: Bits): string =>
  `prediction ${scoreBits.toString(16)} ${risk} ${version} ${late} ` +
  createHash('sha1').update(Uint32Array.from(vectorBits)).digest('base64url')

/** The rows of a block, each with its position and what it says. */
export function* rowsOf(block: Block, partition: number): Generator<readonly [Position, string]> {
  const scores = new Uint32Array(block.scores.slice().buffer)
  const vectors = new Uint32Array(block.vectors.slice().buffer)
  for (let row = 0; row < block.rows; row++) {
    const vectorBits = vectors.subarray(row * block.width, (row + 1) * block.width)
    const what =
      block.kinds[row] === 1
        ? duplicate
        : prediction({
            scoreBits: scores[row]!,
            vectorBits,
            risk: riskLevels[block.risks[row]!]!,
            version: block.versions[block.versionOf[row]!]!,
            late: block.flags[row]! & 1,
          })
    yield [positionOf(partition, block.offsets[row]!), what]
  }
}

/** What lies in the predictions topic, repetitions and words of replaced owners included. */
export interface Published {
  readonly rows: readonly (readonly [Position, string])[]
  /** Rows beyond the first for their position. */
  readonly repeated: number
  /** Blocks that came after a block of a newer owner. */
  readonly stale: number
}

export async function publishedOf({ stream, topics }: CompiledStream, log: EventLog): Promise<Published> {
  const rows: (readonly [Position, string])[] = []
  let stale = 0
  for (let partition = 0; partition < stream.partitions; partition++) {
    let newest = 0
    for (const { value } of await readAll(log, topics.predictions, partition)) {
      const block = decodeBlock(value!)
      if (block.epoch < newest && block.rows > 0) stale++
      newest = Math.max(newest, block.epoch)
      rows.push(...rowsOf(block, partition))
    }
  }
  return { rows, repeated: rows.length - new Set(rows.map(([position]) => position)).size, stale }
}

/** What the views of the warehouse show: every row, so that one that is there twice is seen. */
export interface Viewed {
  readonly rows: readonly (readonly [Position, string])[]
  /** Rows of the table beyond those that count. */
  readonly rawCopies: number
}

type Query = <Row>(sql: string) => Promise<readonly Row[]>

const pageRows = 20_000

export async function viewedOf({ stream, topics }: CompiledStream, query: Query): Promise<Viewed> {
  const rows: (readonly [Position, string])[] = []
  const ours = `stream = '${stream.name}' AND role = 'served' AND topic = '${topics.events}'`
  for (let partition = 0; partition < stream.partitions; partition++)
    for (let from = 0, last = Infinity; from <= last; from += pageRows) {
      if (last === Infinity)
        last = Number(
          (
            await query<{ last: number | string | null }>(
              `SELECT max(offset) AS last FROM predictions WHERE ${ours} AND partition = ${partition}`,
            )
          )[0]!.last ?? -1,
        )
      const page = await query<{
        offset: number | string
        score: number
        vector: number[]
        risk: string
        version: string
        late: number
      }>(
        'SELECT offset, reinterpretAsUInt32(score) AS score, arrayMap(x -> reinterpretAsUInt32(x), vector) ' +
          `AS vector, risk, version, late FROM predictions_final WHERE ${ours} AND partition = ${partition} ` +
          `AND offset >= ${from} AND offset < ${from + pageRows}`,
      )
      for (const { offset, score: scoreBits, vector: vectorBits, ...rest } of page)
        rows.push([positionOf(partition, Number(offset)), prediction({ scoreBits, vectorBits, ...rest })])
    }
  for (const { partition, offset } of await query<{ partition: number; offset: number | string }>(
    `SELECT partition, offset FROM predictions FINAL WHERE ${ours} AND kind = 'duplicate'`,
  ))
    rows.push([positionOf(partition, Number(offset)), duplicate])
  const inTable = rows.length
  const letters = await query<{ partition: number; offset: number | string; code: string }>(
    'SELECT source_partition AS partition, source_offset AS offset, code FROM dead_letters FINAL WHERE ' +
      `stream = '${stream.name}'`,
  )
  for (const { partition, offset, code } of letters)
    rows.push([positionOf(partition, Number(offset)), deadLetter(code)])
  const [raw] = await query<{ n: number | string }>(`SELECT count() AS n FROM predictions WHERE ${ours}`)
  return { rows, rawCopies: Number(raw!.n) - inTable }
}
