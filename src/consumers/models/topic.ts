import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { oneAtATime } from '../../base/one-at-a-time.js'
import type { EventLog } from '../../log/event-log.js'
import { modelOf, modelPath, type ModelFiles, type ModelName } from '../../scorers/model-store.js'
import { pieceIndex } from './piece-index.js'
import { assemble, cut, pieceOf, recordOf } from './pieces.js'
import { modelsTopic } from '../ground/topic-names.js'

/** Carries models between machines. A version's content never changes: the first content that is whole counts. */
export interface ModelTopic {
  /**
   * Makes a model known to every machine; resolves when it is durable. Sends only the pieces that the topic does not
   * hold. MODEL_MISMATCH where the version was published with another content; MODEL_DAMAGED, TOO_LARGE; after LOG_DOWN
   * or DISK_FULL call again.
   */
  publish(name: ModelName, files: ModelFiles): Promise<'published' | 'there'>
  /** The files of a model. Throws UNKNOWN_MODEL while the topic does not hold all of it. */
  fetch(name: ModelName): Promise<ModelFiles>
  close(): Promise<void>
}

export interface ModelTopicOptions {
  readonly log: EventLog
  /** Called once for every record that is no good piece. */
  readonly report: (message: string) => void
}

/** Reads the topic only during a call. */
export function openModelTopic({ log, report }: ModelTopicOptions): ModelTopic {
  const stop = new AbortController()
  const reader = log.reader(modelsTopic)
  const index = pieceIndex({ log, reader, report, signal: stop.signal })
  /** The calls share the reader. */
  const inOrder = oneAtATime()

  async function publish(name: ModelName, files: ModelFiles): Promise<'published' | 'there'> {
    modelOf(name, files)
    const pieces = cut(name, files)
    const { content } = pieces[0]!
    await index.catchUp()
    const { whole, contents } = index.of(name)
    if (whole === content) return 'there'
    if (whole !== undefined)
      throw new EngineError(
        'MODEL_MISMATCH',
        `model ${modelPath(name)} was published before with another content (${whole.slice(0, 12)}, here ` +
          `${content.slice(0, 12)}): give it a new version, or restore the files of the first`,
      )
    const missing = pieces.filter((piece) => contents.get(content)?.[piece.index] === undefined)
    // A broker takes a batch no larger than a record.
    for (const piece of missing) await log.append(modelsTopic, [recordOf(piece)])
    return 'published'
  }

  async function fetch(name: ModelName): Promise<ModelFiles> {
    await index.catchUp()
    const { whole, contents } = index.of(name)
    if (whole === undefined)
      throw new EngineError(
        'UNKNOWN_MODEL',
        `model ${modelPath(name)} is not here, and the topic ${modelsTopic.topic} ` +
          `${contents.size === 0 ? 'has nothing of it' : 'has only a part of it'} yet`,
      )
    const bytes: Buffer[] = []
    for (const [place, offset] of contents.get(whole)!.entries()) {
      const [record] = await reader.read(offset!, { records: 1, bytes: limits.modelPieceBytes }, stop.signal)
      const piece = record === undefined ? 'the topic was closed' : pieceOf(record)
      // Compaction may have moved the piece since the index was read: the next call finds it at its new place.
      if (typeof piece === 'string' || piece.content !== whole || piece.index !== place)
        throw new EngineError(
          'UNKNOWN_MODEL',
          `model ${modelPath(name)}: piece ${place + 1} is no longer at offset ${offset!}`,
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
