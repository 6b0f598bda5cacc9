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
  /** The models that this machine was given. They are only read. */
  readonly directory: string
  /**
   * Keeps the models that came over the log. A model that cannot be kept serves from memory, and the next process
   * fetches it again.
   */
  readonly kept: string
  readonly report: (message: string) => void
}

/** The models of this machine and, over the log, of all other machines. */
export interface ModelReading {
  /**
   * Reads a model and checks it against its manifest: from the given folder, else from the kept ones, else from the
   * topic. Callers for the same model share one copy of its bytes. UNKNOWN_MODEL where no place has it yet,
   * MODEL_DAMAGED, LOG_DOWN.
   */
  read(name: ModelName): Promise<StoredModel>
  /** Makes a model of the given folder known to every machine. Errors of `ModelTopic.publish`. */
  publish(name: ModelName): Promise<void>
  close(): Promise<void>
}

export function openModelReading({ log, directory, kept, report }: ModelReadingOptions): ModelReading {
  const topic = openModelTopic({ log, report })
  const shared = new LRUCache<string, Promise<StoredModel>>({ max: limits.cachedSessions })

  async function find(name: ModelName): Promise<StoredModel> {
    return (await unlessUnknown(readModel(directory, name))) ?? (await unlessUnknown(readKept(name))) ?? receive(name)
  }

  /** A damaged kept copy is reported and fetched again. */
  async function readKept(name: ModelName): Promise<StoredModel | undefined> {
    try {
      return await readModel(kept, name)
    } catch (error) {
      if (!isEngineError(error, 'MODEL_DAMAGED')) throw error
      report(`${error.message}; fetching it from the log again`)
      return undefined
    }
  }

  async function receive(name: ModelName): Promise<StoredModel> {
    const files = await topic.fetch(name)
    const stored = modelOf(name, files)
    await keepModel(kept, name, files).catch((error: unknown) =>
      report(`model ${modelPath(name)} serves from memory, because it cannot be kept: ${messageOf(error)}`),
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
