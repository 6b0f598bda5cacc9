import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { oneAtATime } from '../../base/one-at-a-time.js'
import type { EventLog, Offset } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { modelOf, modelPath, type ModelFiles, type ModelName } from '../../scorers/model-store.js'
import { assemble, cut, pieceOf, recordOf } from './pieces.js'
import { modelsTopic } from '../ground/topic-names.js'

/**
 * Models on their way between machines. A version's content never changes: the first that was published whole is it.
 */
export interface ModelTopic {
  /**
   * Makes a model known to every machine; resolves when it is durable. One that is there is not sent again, of one that
   * is there in part the rest is. MODEL_MISMATCH where the version was published with another content; MODEL_DAMAGED,
   * TOO_LARGE; LOG_DOWN, DISK_FULL: call again.
   */
  publish(name: ModelName, files: ModelFiles): Promise<'published' | 'there'>
  /** The files of a model. Throws UNKNOWN_MODEL where the topic does not hold it whole yet. */
  fetch(name: ModelName): Promise<ModelFiles>
  close(): Promise<void>
}

export interface ModelTopicOptions {
  readonly log: EventLog
  /** Told of every record that is no good piece, once. */
  readonly report: (message: string) => void
}

/** Where the pieces of one content lie. */
interface Transfer {
  readonly offsets: (Offset | undefined)[]
}

interface Known {
  readonly transfers: Map<string, Transfer>
  /** The content that was whole first. */
  whole?: string
}

/**
 * Reads the topic only when somebody asks, and each record once; of the pieces it remembers the places, not the bytes.
 */
export function openModelTopic({ log, report }: ModelTopicOptions): ModelTopic {
  const stop = new AbortController()
  const reader = log.reader(modelsTopic)
  const known = new Map<string, Known>()
  let position: Offset | undefined
  /** The calls share the reader. */
  const inOrder = oneAtATime()

  async function catchUp(): Promise<void> {
    const { first, next } = await log.bounds(modelsTopic)
    position ??= first
    for await (const records of readUpTo(
      reader,
      position,
      next,
      { records: 16, bytes: 4 * limits.modelPieceBytes },
      stop.signal,
    )) {
      for (const record of records) {
        const piece = pieceOf(record)
        if (typeof piece === 'string')
          report(
            `topic ${modelsTopic.topic}, offset ${record.offset}: ${piece}; it is left out. Publish the model ` +
              'again.',
          )
        else note(piece, record.offset)
      }
      position = records.at(-1)!.offset + 1
    }
  }

  function note({ name, content, index, count }: Exclude<ReturnType<typeof pieceOf>, string>, offset: Offset): void {
    const found = of(name)
    const transfer = found.transfers.get(content) ?? { offsets: Array.from<Offset | undefined>({ length: count }) }
    if (transfer.offsets.length !== count)
      return report(
        `topic ${modelsTopic.topic}, offset ${offset}: model ${modelPath(name)} was cut into ` +
          `${transfer.offsets.length} pieces before, now ${count}; it is left out`,
      )
    transfer.offsets[index] = offset
    found.transfers.set(content, transfer)
    if (!transfer.offsets.includes(undefined)) found.whole ??= content
  }

  function of(name: ModelName): Known {
    const path = modelPath(name)
    const found = known.get(path) ?? { transfers: new Map<string, Transfer>() }
    known.set(path, found)
    return found
  }

  async function publish(name: ModelName, files: ModelFiles): Promise<'published' | 'there'> {
    modelOf(name, files)
    const pieces = cut(name, files)
    const { content } = pieces[0]!
    await catchUp()
    const { whole, transfers } = of(name)
    if (whole === content) return 'there'
    if (whole !== undefined)
      throw new EngineError(
        'MODEL_MISMATCH',
        `model ${modelPath(name)} was published before with another content (${whole.slice(0, 12)}, here ` +
          `${content.slice(0, 12)}): give it a new version, or restore the files of the first`,
      )
    const missing = pieces.filter(({ index }) => transfers.get(content)?.offsets[index] === undefined)
    // A broker takes a batch no larger than a record.
    for (const piece of missing) await log.append(modelsTopic, [recordOf(piece)])
    return 'published'
  }

  async function fetch(name: ModelName): Promise<ModelFiles> {
    await catchUp()
    const { whole, transfers } = of(name)
    if (whole === undefined)
      throw new EngineError(
        'UNKNOWN_MODEL',
        `model ${modelPath(name)} is not here, and the topic ${modelsTopic.topic} ` +
          `${transfers.size === 0 ? 'has nothing of it' : 'has only a part of it'} yet`,
      )
    const bytes: Buffer[] = []
    for (const [index, offset] of transfers.get(whole)!.offsets.entries()) {
      const [record] = await reader.read(offset!, { records: 1, bytes: limits.modelPieceBytes }, stop.signal)
      const piece = record === undefined ? 'the topic was closed' : pieceOf(record)
      // Compaction may have moved it since: the next look finds it at its new place.
      if (typeof piece === 'string' || piece.content !== whole || piece.index !== index)
        throw new EngineError(
          'UNKNOWN_MODEL',
          `model ${modelPath(name)}: piece ${index + 1} is no longer at offset ${offset!}`,
        )
      bytes.push(Buffer.from(piece.bytes))
    }
    return assemble(name, whole, bytes)
  }

  return {
    publish: (name, files) => inOrder(() => publish(name, files)),
    fetch: (name) => inOrder(() => fetch(name)),
    close() {
      stop.abort()
      return inOrder(() => reader.close())
    },
  }
}
