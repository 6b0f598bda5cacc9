import { EngineError } from '../../base/errors.js'
import { oneAtATime } from '../../base/one-at-a-time.js'
import type {
  Becomes,
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetters,
  DeadLetterDetail,
  PurgeRequest,
  Redriven,
  RedriveRequest,
} from '../../contracts/dead-letters.js'
import type { LogRecord } from '../../log/event-log.js'
import type { CompiledStream } from '../ground/compiled.js'
import { openDeadLetterMarks } from './marks.js'
import { pageBack, pageOn } from './pages.js'
import { readDeadLetter, type StoredDeadLetter } from '../ground/dead-letter-record.js'
import { decodeToday, tryDeadLetters } from './trial.js'
import { bytesView, jsonIn, deadLetterView } from './view.js'
import { redriveAll, type RedriveOptions } from './redrive.js'

export interface DeadLettersOptions extends Omit<RedriveOptions, 'marks'> {
  readonly streams: readonly CompiledStream[]
  /** For how long what was done about a letter is remembered: no letter may outlive it. */
  readonly marksKeptMs: number
}

/** The dead letters of the engine's streams. Redrives and purges of this process follow one another. */
export function openDeadLetters({
  marksKeptMs,
  ...given
}: DeadLettersOptions): DeadLetters & { close(): Promise<void> } {
  const { streams, clock, log } = given
  const marks = openDeadLetterMarks(log, clock, marksKeptMs)
  const options = { ...given, marks }
  const named = (name: string): CompiledStream => {
    const found = streams.find(({ stream }) => stream.name === name)
    if (found === undefined)
      throw new EngineError(
        'UNKNOWN_STREAM',
        `there is no stream '${name}'; there are: ${streams.map(({ stream }) => stream.name).join(', ')}`,
      )
    return found
  }
  const inOrder = oneAtATime()
  const isNew = (filter: DeadLetterFilter): DeadLetterFilter => ({ ...filter, state: 'new' })

  async function redrive(request: RedriveRequest): Promise<DeadLetterPage<Redriven>> {
    const stream = named(request.filter.stream)
    await marks.refresh()
    const { items, ...rest } = await pageOn(options, stream, isNew(request.filter), request.cursor, request.limit)
    return { items: await redriveAll(stream, items, request, options), ...rest }
  }

  async function purge({ filter, cursor, limit, dryRun, by }: PurgeRequest): Promise<DeadLetterPage<DeadLetter>> {
    const stream = named(filter.stream)
    await marks.refresh()
    const { items, ...rest } = await pageOn(options, stream, isNew(filter), cursor, limit)
    for (const partition of dryRun ? [] : new Set(items.map(({ letter }) => letter.partition))) {
      const mine = items.filter(({ letter }) => letter.partition === partition)
      await marks.write({
        kind: 'purged',
        stream: filter.stream,
        partition,
        by,
        atMs: clock.nowMs(),
        letters: mine.map(({ stored }) => [stored.origin, stored.attempts]),
      })
    }
    return { items: items.map(({ letter }) => letter), ...rest }
  }

  async function opened(
    stream: CompiledStream,
    record: LogRecord,
    letter: StoredDeadLetter,
  ): Promise<DeadLetterDetail> {
    const [today] = (await tryDeadLetters(stream, letter.partition, [letter], options)) as [Becomes]
    const [event] = (await decodeToday(stream, [letter], options)).events
    const decoded = event ?? jsonIn(letter.value)
    return {
      ...deadLetterView(stream, letter, record.offset, marks.stateOf(stream.stream.name, letter.partition, letter)),
      key: letter.key && bytesView(letter.key),
      value: letter.value && bytesView(letter.value),
      headers: Object.fromEntries(Object.entries(letter.headers).map(([name, value]) => [name, bytesView(value)])),
      ...(decoded !== undefined && { decoded }),
      today,
    }
  }

  return {
    async list(filter, cursor, limit) {
      await marks.refresh()
      return pageBack(options, filter.stream === undefined ? streams : [named(filter.stream)], filter, cursor, limit)
    },
    async show(name, partition, position) {
      const stream = named(name)
      const at = { topic: stream.topics.deadLetters, partition }
      if (partition >= stream.stream.partitions) return undefined
      const { first, next } = await log.bounds(at)
      if (position < first || position >= next) return undefined
      const reader = log.reader(at)
      try {
        const [record] = await reader.read(
          position,
          { records: 1, bytes: 1, until: next },
          new AbortController().signal,
        )
        const letter = record?.offset === position ? readDeadLetter(record) : undefined
        if (letter === undefined) return undefined
        await marks.refresh()
        return await opened(stream, record!, letter)
      } finally {
        await reader.close()
      }
    },
    redrive: (request) => inOrder(() => redrive(request)),
    purge: (request) => inOrder(() => purge(request)),
    close: () => inOrder(() => marks.close()),
  }
}
