import { LRUCache } from 'lru-cache'
import { isEngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { EventLog } from '../../log/event-log.js'
import { keepModel } from '../../scorers/model-keeping.js'
import {
  modelOf,
  modelPath,
  readModel,
  readModelFiles,
  type ModelName,
  type StoredModel,
} from '../../scorers/model-store.js'
import { openModelTopic } from './topic.js'

export interface ModelReadingOptions {
  readonly log: EventLog
  /** The models that this machine was given; only read. */
  readonly directory: string
  /**
   * Where models that came over the log are kept; one that cannot be kept serves from memory and comes again next time.
   */
  readonly kept: string
  readonly report: (message: string) => void
}

/** The models of this machine and, over the log, of all others. */
export interface ModelReading {
  /**
   * A model, proven by its manifest: from the given folder, else from what was kept, else from the topic. Whoever asks
   * for the same model shares one copy of its bytes. UNKNOWN_MODEL where it is nowhere yet, MODEL_DAMAGED, LOG_DOWN.
   */
  read(name: ModelName): Promise<StoredModel>
  /** Makes a model of the given folder known to every machine. Throws as `ModelTopic.publish` does. */
  publish(name: ModelName): Promise<void>
  close(): Promise<void>
}

export function openModelReading({ log, directory, kept, report }: ModelReadingOptions): ModelReading {
  const topic = openModelTopic({ log, report })
  const shared = new LRUCache<string, Promise<StoredModel>>({ max: limits.cachedSessions })

  async function find(name: ModelName): Promise<StoredModel> {
    return (await unlessUnknown(readModel(directory, name))) ?? (await unlessUnknown(readKept(name))) ?? receive(name)
  }

  /** A kept copy can be had again, so damage to it is nobody's loss. */
  async function readKept(name: ModelName): Promise<StoredModel | undefined> {
    try {
      return await readModel(kept, name)
    } catch (error) {
      if (!isEngineError(error, 'MODEL_DAMAGED')) throw error
      report(`${error.message}; taking it from the log again`)
      return undefined
    }
  }

  async function receive(name: ModelName): Promise<StoredModel> {
    const files = await topic.fetch(name)
    const stored = modelOf(name, files)
    await keepModel(kept, name, files).catch((error: unknown) =>
      report(`model ${modelPath(name)} serves from memory, it cannot be kept: ${messageOf(error)}`),
    )
    return stored
  }

  return {
    read(name) {
      const path = modelPath(name)
      const found = shared.get(path)
      if (found !== undefined) return found
      const reading = find(name)
      shared.set(path, reading)
      reading.catch(() => shared.delete(path))
      return reading
    },
    async publish(name) {
      await topic.publish(name, await readModelFiles(directory, name))
    },
    close: () => topic.close(),
  }
}

async function unlessUnknown<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isEngineError(error, 'UNKNOWN_MODEL')) return undefined
    throw error
  }
}
