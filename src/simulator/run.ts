import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import type { Happening, Outcome, StreamName } from './world/ground/happening.js'
import type { Moment, World } from './world/world.js'

/** How a world is played into an engine. */
export interface Simulation {
  readonly world: World
  /** Sends events of one stream, in order of arrival; resolves when the engine has them. */
  publish(stream: StreamName, events: readonly Happening['event'][]): Promise<void>
  publishOutcomes(outcomes: readonly Outcome[]): Promise<void>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Where the world's story begins: this long before now. That part is sent as fast as the engine takes it. */
  readonly historyMs: number
  /**
   * The last part of the history, sent at a pace instead: `rate` events/s, until the story has caught up with the
   * clock and goes on in real time. Event times stay true, so nothing is ever in the future.
   */
  readonly paced?: { readonly lastMs: number; readonly rate: number }
  /** Events of one stream in one call. */
  readonly batch: number
  /** After each call that went through. */
  progress?(sent: Progress): void
  /** A call failed and is repeated after a pause; without this the first failure ends the simulation. */
  retry?(failure: string): void
}

export interface Progress {
  readonly events: number
  readonly outcomes: number
  /** How far the story is told, epoch ms. */
  readonly toldMs: number
  readonly live: boolean
}

const pauseMs = 1_000
/** In real time, how often what has arrived is sent. */
const tickMs = 200

/** Plays the world until the signal aborts; resolves with what was sent. Rejects when publishing fails for good. */
export async function simulate(simulation: Simulation): Promise<Progress> {
  const { world, clock, signal, historyMs, paced } = simulation
  const startedMs = clock.nowMs()
  const sender = senderOf(simulation)
  let toldMs = startedMs - historyMs

  const fastUntilMs = startedMs - (paced?.lastMs ?? 0)
  for (const moment of world.timeline(toldMs, fastUntilMs)) {
    if (signal.aborted) return sender.flush(toldMs, false)
    toldMs = momentMs(moment)
    if (sender.take(moment)) await sender.flush(toldMs, false)
  }
  await sender.flush((toldMs = fastUntilMs), false)

  if (paced !== undefined) toldMs = await pace(simulation, sender, fastUntilMs, paced.rate)
  while (!signal.aborted) {
    const nowMs = clock.nowMs()
    for (const moment of world.timeline(toldMs, nowMs))
      if (sender.take(moment)) await sender.flush(momentMs(moment), true)
    toldMs = Math.max(toldMs, nowMs)
    await sender.flush(toldMs, true)
    await clock.sleep(tickMs, signal)
  }
  return sender.flush(toldMs, true)
}

/** Sends at so many events a second until the story meets the clock; gives how far it is told. */
async function pace(simulation: Simulation, sender: Sender, fromMs: number, rate: number): Promise<number> {
  const { world, clock, signal } = simulation
  const beganMs = clock.nowMs()
  let events = 0
  let toldMs = fromMs
  for (const moment of world.timeline(fromMs, Number.POSITIVE_INFINITY)) {
    if (signal.aborted || momentMs(moment) >= clock.nowMs()) break
    toldMs = momentMs(moment) + 1
    if (moment.is === 'event') events++
    const full = sender.take(moment)
    const aheadMs = beganMs + (events / rate) * 1_000 - clock.nowMs()
    if (!full && aheadMs < tickMs) continue
    await sender.flush(toldMs, true)
    await clock.sleep(Math.max(0, aheadMs), signal)
  }
  await sender.flush(toldMs, true)
  return toldMs
}

const momentMs = (moment: Moment): number => (moment.is === 'event' ? moment.happening.atMs : moment.outcome.atMs)

interface Sender {
  /** Keeps a moment for the next flush; true when a batch is full. */
  take(moment: Moment): boolean
  flush(toldMs: number, live: boolean): Promise<Progress>
}

function senderOf(simulation: Simulation): Sender {
  const { clock, signal, batch } = simulation
  const events = new Map<StreamName, Happening['event'][]>()
  let outcomes: Outcome[] = []
  let sentEvents = 0
  let sentOutcomes = 0

  /** Sending twice does no harm: ids are unique and the engine drops repeats. */
  async function send(call: () => Promise<void>): Promise<boolean> {
    for (;;) {
      try {
        await call()
        return true
      } catch (error) {
        if (signal.aborted) return false
        if (simulation.retry === undefined) throw error
        simulation.retry(messageOf(error))
        await clock.sleep(pauseMs, signal)
      }
    }
  }

  return {
    take(moment) {
      if (moment.is === 'outcome') return outcomes.push(moment.outcome) >= batch
      const { stream, event } = moment.happening
      const list = events.get(stream)
      if (list === undefined) events.set(stream, [event])
      else list.push(event)
      return (list?.length ?? 1) >= batch
    },
    async flush(toldMs, live) {
      for (const [stream, list] of events) {
        events.delete(stream)
        if (await send(() => simulation.publish(stream, list))) sentEvents += list.length
      }
      if (outcomes.length > 0) {
        const list = outcomes
        outcomes = []
        if (await send(() => simulation.publishOutcomes(list))) sentOutcomes += list.length
      }
      const sent: Progress = { events: sentEvents, outcomes: sentOutcomes, toldMs, live }
      simulation.progress?.(sent)
      return sent
    },
  }
}
