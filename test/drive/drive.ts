import { AssertionError } from 'node:assert'
import { compileStream } from '../../src/consumers/ground/compiled.js'
import type { Stream } from '../../src/streams/stream.js'
import { check, type Expected } from './expected.js'
import { inMemory, type MemoryOptions } from './in-memory.js'
import type { Result } from './result.js'
import { Narrator, type Sent, type Step } from './story.js'

/** Sunday afternoon in UTC: every story starts here, sixteen hours before the first day of work. */
export const storyStartMs = Date.UTC(2026, 0, 4, 16)

/** Takes the events of a story and knows what became of each. */
export interface World<Action> {
  take(sent: readonly Sent[]): Promise<void>
  act(action: Action): Promise<void>
  /** What became of an event, undefined where it has no result. */
  resultOf(sent: Sent): Promise<Result | undefined>
}

/** A sentence: given these events, when this one comes, then this is its result. */
export interface Sentence<Action = never> {
  /** What happened before. */
  given(...steps: readonly (Step | Action)[]): Sentence<Action>
  /** The events whose results the sentence is about. */
  when(...steps: readonly Step[]): Outcome<Action>
}

export interface Outcome<Action = never> {
  /** What happens after the event, before its result is checked. */
  and(...steps: readonly (Step | Action)[]): Outcome<Action>
  /** Plays the story and checks the results: one expectation for all events of `when`, or one for each. */
  then(expected: Expected | readonly Expected[]): Promise<void>
}

/** A part of a story: its events are checked where it is what the sentence is about. */
interface Part<Action> {
  readonly step: Step | Action
  readonly isChecked: boolean
}

/** Runs events through codec, checks, state and score in memory: quick enough for any number of sentences. */
export const drive = (stream: Stream, options: MemoryOptions & { readonly startMs?: number } = {}): Sentence =>
  sentence(async () => inMemory(compileStream(stream), options), options.startMs)

export function sentence<Action>(
  open: () => Promise<World<Action>>,
  startMs = storyStartMs,
  parts: readonly Part<Action>[] = [],
): Sentence<Action> {
  const outcome = (all: readonly Part<Action>[]): Outcome<Action> => ({
    and: (...more) => outcome([...all, ...more.map((step) => ({ step, isChecked: false }))]),
    then(expected) {
      // `await` on a sentence without an end calls `then` with functions and would wait for ever.
      if (typeof expected === 'function') throw new Error('a sentence ends with then({ ... }), and then it is awaited')
      const place = new Error('the sentence')
      return play(open, startMs, all, expected).catch((error: unknown) => {
        throw placed(error, place)
      })
    },
  })
  return {
    given: (...more) => sentence(open, startMs, [...parts, ...more.map((step) => ({ step, isChecked: false }))]),
    when: (...more) => outcome([...parts, ...more.map((step) => ({ step, isChecked: true }))]),
  }
}

/** A failed check is shown where the sentence stands in the test, not inside this kit. */
function placed(error: unknown, place: Error): unknown {
  if (error instanceof AssertionError)
    error.stack = `${error.name}: ${error.message}\n${place.stack!.split('\n').slice(2).join('\n')}`
  return error
}

async function play<Action>(
  open: () => Promise<World<Action>>,
  startMs: number,
  parts: readonly Part<Action>[],
  expected: Expected | readonly Expected[],
): Promise<void> {
  const world = await open()
  const narrator = new Narrator(startMs)
  const checked: Sent[] = []
  for (const { step, isChecked } of parts) {
    if (typeof step !== 'function') {
      await world.act(step)
      continue
    }
    const sent = (step as Step)(narrator)
    await world.take(sent)
    if (isChecked) checked.push(...sent)
  }
  if (Array.isArray(expected) && expected.length !== checked.length)
    throw new Error(`the sentence expects ${expected.length} results of ${checked.length} events`)
  for (const [i, sent] of checked.entries())
    check(
      sent.says,
      Array.isArray(expected) ? (expected[i] as Expected) : (expected as Expected),
      await world.resultOf(sent),
    )
}
