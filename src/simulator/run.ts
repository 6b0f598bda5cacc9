import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'
import { steadyWorld } from './steady.js'
import type { Happening, Outcome, StreamName } from './world/ground/happening.js'
import type { Moment, World } from './world/world.js'

/** Options for playing a world into an engine. */
export interface Simulation {
  readonly world: World
  /** Sends events of one stream, in order of arrival; resolves when the engine has accepted them. */
  publish(stream: StreamName, events: readonly Happening['event'][]): Promise<void>
  publishOutcomes(outcomes: readonly Outcome[]): Promise<void>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The world starts this long before now. The past is sent as fast as the engine accepts it. */
  readonly historyMs: number
  /**
   * The last part of the history is sent at `rate` events/s instead, until the world has caught up with the clock and
   * continues in real time. Event times are not changed, so no event is in the future. With `steady` copies of the
   * world keep the rate in real time too; the world must have started a day before now.
   */
  readonly paced?: { readonly lastMs: number; readonly rate: number; readonly steady?: true }
  /** The most events in one call of `publish`. */
  readonly batch: number
  /** Called after each flush. */
  progress?(sent: Progress): void
  /** Called before a failed call is repeated after a pause; without it the first failure ends the simulation. */
  retry?(failure: string): void
}

export interface Progress {
  readonly events: number
  readonly outcomes: number
  /** The world is played up to this time, epoch ms. */
  readonly reachedMs: number
  readonly live: boolean
}

const pauseMs = 1_000
/** Interval between two flushes in real time. */
const tickMs = 200
/** A steady simulation makes up for a pause of this length. */
const mostMissedMs = 60_000

/** Plays the world until the signal aborts; resolves with the number of sent events. Rejects when publishing fails. */
export async function simulate(simulation: Simulation): Promise<Progress> {
  const { world, clock, signal, historyMs, paced } = simulation
  const startedMs = clock.nowMs()
  const sender = senderOf(simulation)
  let reachedMs = startedMs - historyMs

  const fastUntilMs = startedMs - (paced?.lastMs ?? 0)
  for (const moment of world.timeline(reachedMs, fastUntilMs)) {
    if (signal.aborted) return sender.flush(reachedMs, false)
    reachedMs = momentMs(moment)
    if (sender.take(moment)) await sender.flush(reachedMs, false)
  }
  await sender.flush((reachedMs = fastUntilMs), false)

  if (paced !== undefined) reachedMs = await pace(simulation, sender, fastUntilMs, paced.rate)
  // The world alone catches up with the clock; its copies begin now.
  let live: Pick<World, 'timeline'> = world
  while (!signal.aborted) {
    const nowMs = clock.nowMs()
    // After a pause of the machine or the engine, the rate matters more than the time that was missed.
    if (live !== world && nowMs - reachedMs > mostMissedMs) reachedMs = nowMs - tickMs
    for (const moment of live.timeline(reachedMs, nowMs))
      if (sender.take(moment)) await sender.flush(momentMs(moment), true)
    reachedMs = Math.max(reachedMs, nowMs)
    await sender.flush(reachedMs, true)
    if (live === world && paced?.steady === true) live = steadyWorld(world, paced.rate, reachedMs)
    await clock.sleep(tickMs, signal)
  }
  return sender.flush(reachedMs, true)
}

/** Sends `rate` events per second until the world has caught up with the clock; returns the time reached. */
async function pace(simulation: Simulation, sender: Sender, fromMs: number, rate: number): Promise<number> {
  const { world, clock, signal } = simulation
  const beganMs = clock.nowMs()
  let events = 0
  let reachedMs = fromMs
  for (const moment of world.timeline(fromMs, Number.POSITIVE_INFINITY)) {
    if (signal.aborted || momentMs(moment) >= clock.nowMs()) break
    reachedMs = momentMs(moment) + 1
    if (moment.is === 'event') events++
    const full = sender.take(moment)
    const aheadMs = beganMs + (events / rate) * 1_000 - clock.nowMs()
    if (!full && aheadMs < tickMs) continue
    await sender.flush(reachedMs, true)
    await clock.sleep(Math.max(0, aheadMs), signal)
  }
  await sender.flush(reachedMs, true)
  return reachedMs
}

const momentMs = (moment: Moment): number => (moment.is === 'event' ? moment.happening.atMs : moment.outcome.atMs)

interface Sender {
  /** Keeps a moment for the next flush; returns true when a batch is full. */
  take(moment: Moment): boolean
  flush(reachedMs: number, live: boolean): Promise<Progress>
}

function senderOf(simulation: Simulation): Sender {
  const { clock, signal, batch } = simulation
  const events = new Map<StreamName, Happening['event'][]>()
  let outcomes: Outcome[] = []
  let sentEvents = 0
  let sentOutcomes = 0

  /** Repeats a call until it succeeds. Sending twice is harmless: ids are unique and the engine drops repeats. */
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
    async flush(reachedMs, live) {
      for (const [stream, list] of events) {
        events.delete(stream)
        if (await send(() => simulation.publish(stream, list))) sentEvents += list.length
      }
      if (outcomes.length > 0) {
        const list = outcomes
        outcomes = []
        if (await send(() => simulation.publishOutcomes(list))) sentOutcomes += list.length
      }
      const sent: Progress = { events: sentEvents, outcomes: sentOutcomes, reachedMs, live }
      simulation.progress?.(sent)
      return sent
    },
  }
}
