import { EngineError } from '../../base/errors.js'
import { diskFiles } from './files.js'
import { damaged, extend, newSegment } from './segment.js'
import { Window, frameAt } from './window.js'
import type { LogFileExtent } from '../../contracts/backups.js'
import type { TopicPartition } from '../event-log.js'

/**
 * Reads one file of a partition, in any directory. Checks every frame against its checksums, and that frames follow
 * each other up to the extent's last byte. Resolves with the offset after the last record. Throws LOG_DAMAGED.
 */
export async function checkLogFile(
  path: string,
  { topic, partition }: TopicPartition,
  { base, bytes }: LogFileExtent,
): Promise<number> {
  const segment = { ...newSegment('', topic, partition, base), path }
  const file = await diskFiles(true).open(path, 'read')
  try {
    const window = new Window()
    while (segment.bytes < bytes) {
      const frame = await frameAt(window, { file, segment, position: segment.bytes, end: bytes, body: true })
      if (typeof frame === 'string') throw damaged(segment, segment.bytes, frame)
      if (frame.header.base !== segment.next)
        throw new EngineError(
          'LOG_DAMAGED',
          `${path}, byte ${segment.bytes}: a frame begins with offset ${frame.header.base} instead of ${segment.next}`,
        )
      extend(segment, frame.header)
    }
    return segment.next
  } finally {
    await file.close()
  }
}
