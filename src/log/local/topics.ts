import { join } from 'node:path'
import { EngineError } from '../../base/errors.js'
import type { TopicSpec } from '../event-log.js'
import type { LogFiles } from './files.js'
import { segmentBases } from './segment.js'

const fileName = 'topic.json'
/** Kafka's rule, without names that begin with a dot: the log uses those itself. */
const namePattern = /^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,248}$/

function parseSpec(path: string, text: string): TopicSpec {
  try {
    const { topic, partitions, retentionMs } = JSON.parse(text) as TopicSpec
    if (!Number.isInteger(partitions) || partitions < 1) throw new Error(`partitions: ${partitions}`)
    return { topic, partitions, ...(retentionMs === undefined ? {} : { retentionMs }) }
  } catch (error) {
    throw new EngineError('LOG_DAMAGED', `${path} cannot be read. Restore it from a backup.`, { cause: error })
  }
}

/** A topic whose creation was interrupted has directories but no records. It counts as missing. */
async function assertEmpty(files: LogFiles, directory: string): Promise<void> {
  for (const name of await files.list(directory)) {
    if (!/^\d+$/.test(name) || segmentBases(await files.list(join(directory, name))).length === 0) continue
    throw new EngineError(
      'LOG_DAMAGED',
      `${directory} holds records but ${fileName} is missing. Restore it from a backup.`,
    )
  }
}

/** The topics in the directory of a log. */
export async function readTopics(files: LogFiles, directory: string): Promise<TopicSpec[]> {
  const specs: TopicSpec[] = []
  for (const name of (await files.list(directory)).filter((name) => namePattern.test(name)).sort()) {
    const path = join(directory, name, fileName)
    const text = await files.readAll(path)
    if (text === undefined) await assertEmpty(files, join(directory, name))
    else specs.push(parseSpec(path, text.toString('utf8')))
  }
  return specs
}

/** Creates the directories of a topic's partitions. A copied log may lack the directories of empty partitions. */
export async function makePartitions(files: LogFiles, directory: string, spec: TopicSpec): Promise<void> {
  const path = join(directory, spec.topic)
  for (let partition = 0; partition < spec.partitions; partition++)
    await files.makeDirectory(join(path, String(partition)))
  await files.flushDirectory(path)
}

/** Creates a topic or changes its retention. The topic exists as soon as its file exists. */
export async function writeTopic(files: LogFiles, directory: string, spec: TopicSpec): Promise<void> {
  if (!namePattern.test(spec.topic))
    throw new EngineError('TOPIC_MISMATCH', `${JSON.stringify(spec.topic)} is no name for a topic`)
  const path = join(directory, spec.topic)
  await makePartitions(files, directory, spec)
  await files.flushDirectory(directory)
  await files.replace(join(path, fileName), Buffer.from(`${JSON.stringify(spec)}\n`), true)
}
