import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Clock } from '../../base/clock.js'
import type { DeadLetterState } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import { oneAtATime } from '../../base/one-at-a-time.js'
import type { EventLog, Offset } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import type { Origin } from '../ground/dead-letter-record.js'
import { marksTopic } from '../ground/topic-names.js'

const shared = {
  stream: Type.String(),
  partition: Type.Integer(),
  by: Type.String(),
  atMs: Type.Number(),
  /**
   * The dead letters, each as origin and attempt. The attempt of a redrive is the one that it makes; the attempt of a
   * purge is the last one that was made.
   */
  letters: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
}

const Mark = Type.Union([
  /**
   * Written before the events are appended. A process that finds it without a `redriven` mark searches the event topic
   * for the events, beginning at `from`.
   */
  Type.Object({ kind: Type.Literal('redriving'), ...shared, owner: Type.String(), from: Type.Integer() }),
  Type.Object({ kind: Type.Literal('redriven'), ...shared }),
  Type.Object({ kind: Type.Literal('purged'), ...shared }),
])
export type Mark = Static<typeof Mark>

/** A redrive that started and has no `redriven` mark. */
export interface OpenRedrive {
  readonly owner: string
  readonly from: Offset
  readonly atMs: number
}

/** All marks of one dead letter together. */
interface Summary {
  /** The highest attempt that was sent. */
  sent: number
  /** Attempts up to this one are purged; -1: none. */
  purged: number
  /** The first redrive that started the next attempt. */
  open: (OpenRedrive & { readonly attempt: number }) | undefined
  readonly atMs: number
}

export interface DeadLetterMarks {
  /** Reads the topic up to its present end. */
  refresh(): Promise<void>
  stateOf(stream: string, partition: number, deadLetter: Origin): DeadLetterState
  /** The first redrive of the dead letter's next attempt, while it has no `redriven` mark. */
  openRedrive(stream: string, partition: number, deadLetter: Origin): OpenRedrive | undefined
  /** Appends a mark, then reads the topic up to its present end. */
  write(mark: Mark): Promise<void>
  close(): Promise<void>
}

/** Marks older than `keptMs` are dropped; no dead letter may be kept longer. */
export function openDeadLetterMarks(log: EventLog, clock: Clock, keptMs: number): DeadLetterMarks {
  const reader = log.reader(marksTopic)
  const summaries = new Map<string, Summary>()
  const inOrder = oneAtATime()
  let next: Offset = 0

  async function read(): Promise<void> {
    const bounds = await log.bounds(marksTopic)
    const bound = { records: 1_000, bytes: limits.chunkBytes }
    const { signal } = new AbortController()
    for await (const records of readUpTo(reader, Math.max(next, bounds.first), bounds.next, bound, signal)) {
      for (const { value } of records) {
        const mark = parse(value)
        if (mark !== undefined) fold(summaries, mark)
      }
      next = records.at(-1)!.offset + 1
    }
    next = Math.max(next, bounds.next)
    for (const [key, { atMs }] of summaries) {
      if (atMs >= clock.nowMs() - keptMs) break
      summaries.delete(key)
    }
  }

  const refresh = (): Promise<void> => inOrder(read)
  const summaryOf = (stream: string, partition: number, { origin }: Origin): Summary | undefined =>
    summaries.get(keyOf(stream, partition, origin))

  return {
    refresh,
    stateOf(stream, partition, deadLetter) {
      const summary = summaryOf(stream, partition, deadLetter)
      if (summary === undefined) return 'new'
      const { attempts } = deadLetter
      return summary.sent > attempts ? 'redriven' : summary.purged >= attempts ? 'purged' : 'new'
    },
    openRedrive(stream, partition, deadLetter) {
      const open = summaryOf(stream, partition, deadLetter)?.open
      return open?.attempt === deadLetter.attempts + 1 ? open : undefined
    },
    async write(mark) {
      await log.append(marksTopic, [{ key: Buffer.from(mark.stream), value: Buffer.from(JSON.stringify(mark)) }])
      await refresh()
    },
    close: () => inOrder(() => reader.close()),
  }
}

function fold(summaries: Map<string, Summary>, mark: Mark): void {
  for (const [origin, attempt] of mark.letters) {
    const key = keyOf(mark.stream, mark.partition, origin)
    const summary = summaries.get(key) ?? { sent: 0, purged: -1, open: undefined, atMs: mark.atMs }
    summaries.set(key, summary)
    const { open } = summary
    if (mark.kind === 'purged') summary.purged = Math.max(summary.purged, attempt)
    else if (mark.kind === 'redriven') {
      summary.sent = Math.max(summary.sent, attempt)
      if (open !== undefined && open.attempt <= attempt) summary.open = undefined
    } else if (attempt > summary.sent && !isTaken(open, attempt, mark))
      summary.open = {
        attempt,
        owner: mark.owner,
        from: open?.attempt === attempt ? Math.min(open.from, mark.from) : mark.from,
        atMs: mark.atMs,
      }
  }
}

/** The process that starts an attempt first has it, until so much time has passed that it must have ended. */
const isTaken = (open: Summary['open'], attempt: number, mark: Extract<Mark, { kind: 'redriving' }>): boolean =>
  open?.attempt === attempt && open.owner !== mark.owner && mark.atMs < open.atMs + limits.redriveTakesMs

const keyOf = (stream: string, partition: number, origin: Offset): string => `${stream}/${partition}/${origin}`

/** Undefined for a record that is no mark of this version. */
function parse(value: Buffer | null): Mark | undefined {
  try {
    const mark: unknown = JSON.parse(value?.toString() ?? '')
    return Value.Check(Mark, mark) ? mark : undefined
  } catch {
    return undefined
  }
}
