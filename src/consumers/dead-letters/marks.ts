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

const place = {
  stream: Type.String(),
  partition: Type.Integer(),
  by: Type.String(),
  atMs: Type.Number(),
  letters: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
}

/**
 * Dead letters are named by their origin and the attempt: for a redrive the one that is made, for a purge the last that was.
 */
const Mark = Type.Union([
  /**
   * Written before the events are: whoever finds it without its end looks for them from `from` on in the event topic.
   */
  Type.Object({ kind: Type.Literal('redriving'), ...place, owner: Type.String(), from: Type.Integer() }),
  Type.Object({ kind: Type.Literal('redriven'), ...place }),
  Type.Object({ kind: Type.Literal('purged'), ...place }),
])
export type Mark = Static<typeof Mark>

/** A redrive that began and of whose end nothing is known. */
export interface Begun {
  readonly owner: string
  readonly from: Offset
  readonly atMs: number
}

interface Fate {
  /** The highest attempt that was sent, and the one up to which letters are purged; -1 for none. */
  sent: number
  purged: number
  /** The first that began the next attempt. */
  begun: (Begun & { readonly attempt: number }) | undefined
  readonly atMs: number
}

export interface DeadLetterMarks {
  /** Takes over what stands in the topic now. */
  refresh(): Promise<void>
  stateOf(stream: string, partition: number, letter: Origin): DeadLetterState
  /** Who began to redrive the letter first, where nobody is known to have done it. */
  begun(stream: string, partition: number, letter: Origin): Begun | undefined
  /** Appends a mark and takes it over, with whatever came before it. */
  write(mark: Mark): Promise<void>
  close(): Promise<void>
}

/** `keptMs`: older marks are forgotten; no letter outlives it. */
export function openDeadLetterMarks(log: EventLog, clock: Clock, keptMs: number): DeadLetterMarks {
  const reader = log.reader(marksTopic)
  const fates = new Map<string, Fate>()
  let next: Offset = 0
  const inOrder = oneAtATime()

  function fold(mark: Mark): void {
    for (const [origin, attempt] of mark.letters) {
      const key = keyOf(mark.stream, mark.partition, origin)
      const fate = fates.get(key) ?? { sent: 0, purged: -1, begun: undefined, atMs: mark.atMs }
      fates.set(key, fate)
      if (mark.kind === 'purged') fate.purged = Math.max(fate.purged, attempt)
      else if (mark.kind === 'redriven') {
        fate.sent = Math.max(fate.sent, attempt)
        if (fate.begun !== undefined && fate.begun.attempt <= attempt) fate.begun = undefined
      } else if (attempt > fate.sent && !holds(fate.begun, attempt, mark))
        fate.begun = {
          attempt,
          owner: mark.owner,
          from: fate.begun?.attempt === attempt ? Math.min(fate.begun.from, mark.from) : mark.from,
          atMs: mark.atMs,
        }
    }
  }

  async function read(): Promise<void> {
    const bounds = await log.bounds(marksTopic)
    const bound = { records: 1_000, bytes: limits.chunkBytes }
    for await (const records of readUpTo(
      reader,
      Math.max(next, bounds.first),
      bounds.next,
      bound,
      new AbortController().signal,
    )) {
      for (const { value } of records) {
        const mark = parse(value)
        if (mark !== undefined) fold(mark)
      }
      next = records.at(-1)!.offset + 1
    }
    next = Math.max(next, bounds.next)
    for (const [key, { atMs }] of fates) {
      if (atMs >= clock.nowMs() - keptMs) break
      fates.delete(key)
    }
  }

  const refresh = (): Promise<void> => inOrder(read)
  const fateOf = (stream: string, partition: number, { origin }: Origin): Fate | undefined =>
    fates.get(keyOf(stream, partition, origin))

  return {
    refresh,
    stateOf(stream, partition, letter) {
      const fate = fateOf(stream, partition, letter)
      if (fate === undefined) return 'new'
      return fate.sent > letter.attempts ? 'redriven' : fate.purged >= letter.attempts ? 'purged' : 'new'
    },
    begun(stream, partition, letter) {
      const begun = fateOf(stream, partition, letter)?.begun
      return begun?.attempt === letter.attempts + 1 ? begun : undefined
    },
    async write(mark) {
      await log.append(marksTopic, [{ key: Buffer.from(mark.stream), value: Buffer.from(JSON.stringify(mark)) }])
      await refresh()
    },
    close: () => inOrder(() => reader.close()),
  }
}

/** Who begins first has the letters until that is so long ago that it must have ended. */
const holds = (begun: Fate['begun'], attempt: number, mark: Extract<Mark, { kind: 'redriving' }>): boolean =>
  begun?.attempt === attempt && begun.owner !== mark.owner && mark.atMs < begun.atMs + limits.redriveTakesMs

const keyOf = (stream: string, partition: number, origin: Offset): string => `${stream}/${partition}/${origin}`

/** A record that is no mark of this version is passed over. */
function parse(value: Buffer | null): Mark | undefined {
  try {
    const mark: unknown = JSON.parse(value?.toString() ?? '')
    return Value.Check(Mark, mark) ? mark : undefined
  } catch {
    return undefined
  }
}
