import type { Clock } from '../../base/clock.js'
import type { Becomes, Redriven, RedriveOutcome, RedriveRequest } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { DeadLetterMarks, Mark } from './marks.js'
import type { Found } from './pages.js'
import { isRedriven, originOf, redrivenRecord } from '../ground/dead-letter-record.js'
import { readPartition } from '../ground/read-partition.js'
import { decodeToday, tryDeadLetters, type TrialOptions } from './trial.js'

export interface RedriveOptions extends TrialOptions {
  readonly log: EventLog
  readonly marks: DeadLetterMarks
  readonly clock: Clock
  /** A name of this process that no other process has. */
  readonly owner: string
}

type Asked = Pick<RedriveRequest, 'dryRun' | 'evenBad' | 'by' | 'filter'>

/**
 * Redrives new dead letters of one stream, those of a partition in their order. A dry run only returns what they would
 * become.
 */
export async function redriveAll(
  stream: CompiledStream,
  found: readonly Found[],
  asked: Asked,
  options: RedriveOptions,
): Promise<readonly Redriven[]> {
  const out: Redriven[] = []
  for (const partition of new Set(found.map(({ deadLetter }) => deadLetter.partition))) {
    const mine = found.filter(({ deadLetter }) => deadLetter.partition === partition)
    const outcomes = asked.dryRun
      ? await tryDeadLetters(
          stream,
          partition,
          mine.map(({ stored }) => stored),
          options,
        )
      : await redrive(stream, partition, mine, asked, options)
    mine.forEach(({ deadLetter }, i) => out.push({ deadLetter, ...outcomes[i]! }))
  }
  return out
}

async function redrive(
  stream: CompiledStream,
  partition: number,
  found: readonly Found[],
  asked: Asked,
  options: RedriveOptions,
): Promise<readonly RedriveOutcome[]> {
  const bad = await stillBad(stream, found, asked, options)
  const byOrigin = new Map(
    found
      .filter(({ stored }, i) => bad[i] === undefined || (asked.evenBad && stored.cutFrom === undefined))
      .map((one) => [one.stored.origin, one]),
  )
  const elsewhere = await send(stream, partition, [...byOrigin.values()], asked.by, options)
  return found.map(({ stored }, i) =>
    byOrigin.has(stored.origin) ? { becomes: elsewhere.has(stored.origin) ? 'elsewhere' : 'redriven' } : bad[i]!,
  )
}

/**
 * For each dead letter whose record would become a dead letter again: why. A tenant's key may redrive events of that
 * tenant only.
 */
async function stillBad(
  stream: CompiledStream,
  found: readonly Found[],
  { filter: { tenant } }: Asked,
  options: RedriveOptions,
): Promise<(Becomes | undefined)[]> {
  const bad = new Array<Becomes | undefined>(found.length).fill(undefined)
  const decoded = await decodeToday(
    stream,
    found.map(({ stored }) => stored),
    options,
  )
  for (const { record, code, reason } of decoded.dead) bad[record.offset] = { becomes: 'bad', code, reason }
  decoded.events.forEach((event, i) => {
    const named = event[stream.stream.tenant]
    if (tenant !== undefined && named !== tenant)
      bad[decoded.records[i]!.offset] = {
        becomes: 'bad',
        code: 'UNKNOWN_TENANT',
        reason: 'the event names another tenant than its key or header',
      }
  })
  return bad
}

/**
 * Appends the events of dead letters to their partition, each once, whatever fails in between. It writes a mark before
 * and after the append. A process that finds only the first mark searches the topic for the events. Of two processes,
 * the one whose mark comes first redrives a dead letter. Returns the origins that other processes redrive.
 */
async function send(
  stream: CompiledStream,
  partition: number,
  found: readonly Found[],
  by: string,
  options: RedriveOptions,
): Promise<ReadonlySet<Offset>> {
  const { log, marks, clock, owner } = options
  const { name } = stream.stream
  const events: TopicPartition = { topic: stream.topics.events, partition }
  const openRedrive = ({ stored }: Found) => marks.openRedrive(name, partition, stored)
  const isTaken = (one: Found): boolean => {
    const open = openRedrive(one)
    return open !== undefined && open.owner !== owner && clock.nowMs() < open.atMs + limits.redriveTakesMs
  }
  const mark = (of: readonly Found[]): Pick<Mark, 'stream' | 'partition' | 'by' | 'atMs' | 'letters'> => ({
    stream: name,
    partition,
    by,
    atMs: clock.nowMs(),
    letters: of.map(({ stored }) => [stored.origin, stored.attempts + 1]),
  })
  const markRedriven = async (of: readonly Found[]): Promise<void> => {
    if (of.length > 0) await marks.write({ kind: 'redriven', ...mark(of) })
  }

  const free = found.filter((one) => !isTaken(one))
  const unfinished = free.filter((one) => openRedrive(one) !== undefined)
  const appended =
    unfinished.length === 0
      ? new Set<string>()
      : await redrivenSince(log, events, Math.min(...unfinished.map((one) => openRedrive(one)!.from)))
  const isAppended = ({ stored }: Found): boolean => appended.has(attemptKey(stored.origin, stored.attempts + 1))
  await markRedriven(unfinished.filter(isAppended))
  const wanted = free.filter((one) => !isAppended(one))
  if (wanted.length > 0)
    await marks.write({ kind: 'redriving', ...mark(wanted), owner, from: (await log.bounds(events)).next })
  // Another process may have written its mark first, or may even have finished.
  const sent = wanted.filter((one) => openRedrive(one)?.owner === owner)
  if (sent.length > 0)
    await log.append(
      events,
      sent.map(({ stored }) => redrivenRecord(stored, by)),
    )
  await markRedriven(sent)
  return new Set(
    found
      .filter((one) => !free.includes(one) || (wanted.includes(one) && !sent.includes(one)))
      .map(({ stored }) => stored.origin),
  )
}

const attemptKey = (origin: Offset, attempt: number): string => `${origin}/${attempt}`

/** The redriven events in the topic from an offset on. */
async function redrivenSince(log: EventLog, at: TopicPartition, from: Offset): Promise<Set<string>> {
  const found = new Set<string>()
  const bound = { records: limits.chunkRecords, bytes: limits.chunkBytes }
  for await (const records of readPartition(log, at, bound, from))
    for (const record of records) {
      const { origin, attempts } = originOf(record)
      if (isRedriven(record)) found.add(attemptKey(origin, attempts))
    }
  return found
}
