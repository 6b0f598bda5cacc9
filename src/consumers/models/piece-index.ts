import { limits } from '../../base/limits.js'
import type { EventLog, Offset, PartitionReader } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { modelPath, type ModelName } from '../../scorers/model-store.js'
import { modelsTopic } from '../ground/topic-names.js'
import { pieceOf, type Piece } from './pieces.js'

/** What the topic holds of one model. */
export interface IndexedModel {
  /** By content: the offset of each piece, undefined for a piece that is missing. */
  readonly contents: Map<string, (Offset | undefined)[]>
  /** The content whose pieces were all there first. */
  whole?: string
}

/** The places of the pieces of all models. It remembers offsets, not bytes. */
export interface PieceIndex {
  /** Reads the topic up to its present end; each record once. */
  catchUp(): Promise<void>
  of(name: ModelName): IndexedModel
}

export interface PieceIndexOptions {
  readonly log: EventLog
  /** Of the models topic. */
  readonly reader: PartitionReader
  /** Called once for every record that is no good piece. */
  readonly report: (message: string) => void
  readonly signal: AbortSignal
}

export function pieceIndex({ log, reader, report, signal }: PieceIndexOptions): PieceIndex {
  const models = new Map<string, IndexedModel>()
  let position: Offset | undefined

  function of(name: ModelName): IndexedModel {
    const path = modelPath(name)
    const found = models.get(path) ?? { contents: new Map<string, (Offset | undefined)[]>() }
    models.set(path, found)
    return found
  }

  function add({ name, content, index, count }: Piece, offset: Offset): void {
    const model = of(name)
    const offsets = model.contents.get(content) ?? Array.from<Offset | undefined>({ length: count })
    if (offsets.length !== count)
      return report(
        `topic ${modelsTopic.topic}, offset ${offset}: model ${modelPath(name)} was cut into ` +
          `${offsets.length} pieces before, now ${count}; it is left out`,
      )
    offsets[index] = offset
    model.contents.set(content, offsets)
    if (!offsets.includes(undefined)) model.whole ??= content
  }

  return {
    of,
    async catchUp() {
      const { first, next } = await log.bounds(modelsTopic)
      position ??= first
      const bound = { records: 16, bytes: 4 * limits.modelPieceBytes }
      for await (const records of readUpTo(reader, position, next, bound, signal)) {
        for (const record of records) {
          // A tombstone removes a piece from a compacted topic.
          if (record.value === null) continue
          const piece = pieceOf(record)
          if (typeof piece === 'string')
            report(
              `topic ${modelsTopic.topic}, offset ${record.offset}: ${piece}; it is left out. Publish the model ` +
                'again.',
            )
          else add(piece, record.offset)
        }
        position = records.at(-1)!.offset + 1
      }
    },
  }
}
