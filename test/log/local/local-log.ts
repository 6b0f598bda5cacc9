import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { openLocalLog } from '../../../src/log/local/log.js'
import type { PartitionReader } from '../../../src/log/event-log.js'
import type { LocalLog, LocalLogOptions } from '../../../src/log/local/log.js'

/** A directory that is removed after the test. */
export async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-log-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Opens a log and closes it after the test, unless its disk is simulated, because that may have failed. */
export async function openAt(directory: string, options: Partial<LocalLogOptions> = {}): Promise<LocalLog> {
  const log = await openLocalLog({ directory, clock: systemClock, ephemeral: true, ...options })
  if (options.files === undefined) onTestFinished(() => log.close())
  return log
}

export const place = { topic: 'events', partition: 0 }

/** A log with the topic `events` of one partition. */
export async function openEvents(directory: string, options: Partial<LocalLogOptions> = {}): Promise<LocalLog> {
  const log = await openAt(directory, options)
  await log.ensure({ topic: place.topic, partitions: 1 })
  return log
}

/** A reader of `events`, closed after the test. */
export function readerOf(log: LocalLog): PartitionReader {
  const reader = log.reader(place)
  onTestFinished(() => reader.close())
  return reader
}

export const segmentPath = (directory: string, base = 0): string =>
  join(directory, 'events', '0', `${String(base).padStart(20, '0')}.segment`)
export const indexPath = (directory: string, base = 0): string =>
  segmentPath(directory, base).replace(/segment$/, 'index')
