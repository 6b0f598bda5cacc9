import type { Clock } from '../../base/clock.js'
import type { Becomes, Redriven, RedriveOutcome, RedriveRequest } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { DeadLetterMarks, Mark } from './marks.js'
import type { Found } from './pages.js'
import { isRedriven, originOf, redrivenRecord } from '../ground/dead-letter-record.js'
import { decodeToday, tryDeadLetters, type TrialOptions } from './trial.js'

export interface RedriveOptions extends TrialOptions {
  readonly log: EventLog
  readonly marks: DeadLetterMarks
  readonly clock: Clock
  /** Names this process among those that redrive. */
  readonly owner: string
}

type Asked = Pick<RedriveRequest, 'dryRun' | 'evenBad' | 'by' | 'filter'>

/** Redrives new letters of one stream, each partition's in their order, or says what they would become. */
export async function redriveAll(
  stream: CompiledStream,
  found: readonly Found[],
  asked: Asked,
  options: RedriveOptions,
): Promise<readonly Redriven[]> {
  const out: Redriven[] = []
  for (const partition of new Set(found.map(({ letter }) => letter.partition))) {
    const mine = found.filter(({ letter }) => letter.partition === partition)
    const outcomes = asked.dryRun
      ? await tryDeadLetters(
          stream,
          partition,
          mine.map(({ stored }) => stored),
          options,
        )
      : await redrive(stream, partition, mine, asked, options)
    mine.forEach(({ letter }, i) => out.push({ deadLetter: letter, ...outcomes[i]! }))
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
    found.filter((_, i) => bad[i] === undefined || asked.evenBad).map((one) => [one.stored.origin, one]),
  )
  const elsewhere = await send(stream, partition, [...byOrigin.values()], asked.by, options)
  return found.map(({ stored }, i) =>
    byOrigin.has(stored.origin) ? { becomes: elsewhere.has(stored.origin) ? 'elsewhere' : 'redriven' } : bad[i]!,
  )
}

/**
 * Dead letters whose records would be set aside again, by their place; a tenant's key sends in events of its tenant alone.
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
 * Appends the events of letters to their partition, so that each is there once whatever fails in between: the mark that
 * says so is written before and after, and whoever finds only the first looks for the events in the topic. Of two
 * processes the one whose mark comes first has a letter. Returns the origins that others have.
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
  const begun = ({ stored }: Found) => marks.begun(name, partition, stored)
  const othersHave = (one: Found): boolean => {
    const first = begun(one)
    return first !== undefined && first.owner !== owner && clock.nowMs() < first.atMs + limits.redriveTakesMs
  }
  const mark = (letters: readonly Found[]): Pick<Mark, 'stream' | 'partition' | 'by' | 'atMs' | 'letters'> => ({
    stream: name,
    partition,
    by,
    atMs: clock.nowMs(),
    letters: letters.map(({ stored }) => [stored.origin, stored.attempts + 1]),
  })
  const ended = (letters: readonly Found[]): Promise<void> =>
    letters.length === 0 ? Promise.resolve() : marks.write({ kind: 'redriven', ...mark(letters) })

  const free = found.filter((one) => !othersHave(one))
  const unsure = free.filter((one) => begun(one) !== undefined)
  const there =
    unsure.length === 0
      ? new Set<string>()
      : await redrivenSince(log, events, Math.min(...unsure.map((one) => begun(one)!.from)))
  const isThere = ({ stored }: Found): boolean => there.has(placeOf(stored.origin, stored.attempts + 1))
  await ended(unsure.filter(isThere))
  const wanted = free.filter((one) => !isThere(one))
  if (wanted.length > 0)
    await marks.write({ kind: 'redriving', ...mark(wanted), owner, from: (await log.bounds(events)).next })
  // Others may have begun, or even ended, since this process last looked.
  const sent = wanted.filter((one) => begun(one)?.owner === owner)
  if (sent.length > 0)
    await log.append(
      events,
      sent.map(({ stored }) => redrivenRecord(stored, by)),
    )
  await ended(sent)
  return new Set(
    found
      .filter((one) => !free.includes(one) || (wanted.includes(one) && !sent.includes(one)))
      .map(({ stored }) => stored.origin),
  )
}

const placeOf = (origin: Offset, attempt: number): string => `${origin}/${attempt}`

/** Which letters were sent in again, of those that stand in the topic from an offset on. */
async function redrivenSince(log: EventLog, at: TopicPartition, from: Offset): Promise<Set<string>> {
  const there = new Set<string>()
  const { first, next } = await log.bounds(at)
  const reader = log.reader(at)
  const bound = { records: limits.chunkRecords, bytes: limits.chunkBytes }
  try {
    for await (const records of readUpTo(reader, Math.max(first, from), next, bound, new AbortController().signal))
      for (const record of records) {
        const { origin, attempts } = originOf(record)
        if (isRedriven(record)) there.add(placeOf(origin, attempts))
      }
    return there
  } finally {
    await reader.close()
  }
}
