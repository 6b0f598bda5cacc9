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
import type { Offset } from '../../log/event-log.js'
import { unknownStream } from '../../streams/unknown-stream.js'
import type { CompiledStream } from '../ground/compiled.js'
import { readDeadLetter, type StoredDeadLetter } from '../ground/dead-letter-record.js'
import { openDeadLetterMarks } from './marks.js'
import { pageNewestFirst, pageOldestFirst } from './pages.js'
import { redriveAll, type RedriveOptions } from './redrive.js'
import { decodeToday, tryDeadLetters } from './trial.js'
import { bytesView, jsonIn, deadLetterView } from './view.js'

export interface DeadLettersOptions extends Omit<RedriveOptions, 'marks'> {
  readonly streams: readonly CompiledStream[]
  /** How long marks are remembered. No dead letter may be kept longer. */
  readonly marksKeptMs: number
}

/** The dead letters of the engine's streams. Redrives and purges of this process run one at a time. */
export function openDeadLetters({
  marksKeptMs,
  streams,
  ...given
}: DeadLettersOptions): DeadLetters & { close(): Promise<void> } {
  const marks = openDeadLetterMarks(given.log, given.clock, marksKeptMs)
  const options: RedriveOptions = { ...given, marks }
  const inOrder = oneAtATime()
  const named = (name: string): CompiledStream => {
    const found = streams.find(({ stream }) => stream.name === name)
    if (found === undefined)
      throw unknownStream(
        name,
        streams.map(({ stream }) => stream.name),
      )
    return found
  }
  return {
    async list(filter, cursor, limit) {
      await marks.refresh()
      const asked = filter.stream === undefined ? streams : [named(filter.stream)]
      return pageNewestFirst(options, asked, filter, cursor, limit)
    },
    show: async (name, partition, position) => detailAt(named(name), partition, position, options),
    redrive: (request) => inOrder(async () => redrive(named(request.filter.stream), request, options)),
    purge: (request) => inOrder(async () => purge(named(request.filter.stream), request, options)),
    close: () => inOrder(() => marks.close()),
  }
}

const onlyNew = (filter: DeadLetterFilter): DeadLetterFilter => ({ ...filter, state: 'new' })

async function redrive(
  stream: CompiledStream,
  request: RedriveRequest,
  options: RedriveOptions,
): Promise<DeadLetterPage<Redriven>> {
  await options.marks.refresh()
  const { filter, cursor, limit } = request
  const { items, ...rest } = await pageOldestFirst(options, stream, onlyNew(filter), cursor, limit)
  return { items: await redriveAll(stream, items, request, options), ...rest }
}

async function purge(
  stream: CompiledStream,
  { filter, cursor, limit, dryRun, by }: PurgeRequest,
  options: RedriveOptions,
): Promise<DeadLetterPage<DeadLetter>> {
  const { marks, clock } = options
  await marks.refresh()
  const { items, ...rest } = await pageOldestFirst(options, stream, onlyNew(filter), cursor, limit)
  for (const partition of dryRun ? [] : new Set(items.map(({ deadLetter }) => deadLetter.partition)))
    await marks.write({
      kind: 'purged',
      stream: filter.stream,
      partition,
      by,
      atMs: clock.nowMs(),
      letters: items
        .filter(({ deadLetter }) => deadLetter.partition === partition)
        .map(({ stored }) => [stored.origin, stored.attempts]),
    })
  return { items: items.map(({ deadLetter }) => deadLetter), ...rest }
}

/** Undefined where no dead letter is at this position. */
async function detailAt(
  stream: CompiledStream,
  partition: number,
  position: Offset,
  options: RedriveOptions,
): Promise<DeadLetterDetail | undefined> {
  const { log, marks } = options
  const at = { topic: stream.topics.deadLetters, partition }
  if (partition >= stream.stream.partitions) return undefined
  const { first, next } = await log.bounds(at)
  if (position < first || position >= next) return undefined
  const reader = log.reader(at)
  try {
    const [record] = await reader.read(position, { records: 1, bytes: 1, until: next }, new AbortController().signal)
    const stored = record?.offset === position ? readDeadLetter(record) : undefined
    if (stored === undefined) return undefined
    await marks.refresh()
    return await detailOf(stream, stored, position, options)
  } finally {
    await reader.close()
  }
}

async function detailOf(
  stream: CompiledStream,
  stored: StoredDeadLetter,
  position: Offset,
  options: RedriveOptions,
): Promise<DeadLetterDetail> {
  const { key, value, headers, partition } = stored
  const [today] = (await tryDeadLetters(stream, partition, [stored], options)) as [Becomes]
  const [event] = (await decodeToday(stream, [stored], options)).events
  const decoded = event ?? jsonIn(value)
  return {
    ...deadLetterView(stream, stored, position, options.marks.stateOf(stream.stream.name, partition, stored)),
    key: key && bytesView(key),
    value: value && bytesView(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytesView(bytes)])),
    ...(decoded !== undefined && { decoded }),
    today,
  }
}
