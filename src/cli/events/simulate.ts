import { Option, type Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import {
  createWorld,
  demoTenants,
  simulate,
  type Outcome,
  type Progress,
  type StreamName,
} from '../../simulator/index.js'
import { connect, failure, type Answer, type Client } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { durationOption, numberWithin } from '../terminal/options.js'
import { count, duration, printJson, say, type Terminal } from '../terminal/terminal.js'

interface SimulateOptions extends ReadOptions {
  readonly history?: number
  readonly rate?: number
  readonly once?: boolean
  readonly seed: number
  readonly patterns: 'training' | 'testing'
  readonly people: number
  readonly tenants?: string
}

const dayMs = 86_400_000
/** Without a history people have no habits and nothing is unusual. */
const usualHistoryMs = 7 * dayMs
/** The part of the history that is sent at the given rate. */
const pacedMs = dayMs
const reportIntervalMs = 1_000
/** The story counts as caught up when it is this close to now. */
const caughtUpMs = 2_000

export function simulateCommand(parent: Command, terminal: Terminal): void {
  reads(talksToEngine(parent.command('simulate')))
    .summary('make events of a simulated world and send them')
    .description(
      'Thousands of people, devices, sites, meters, users and hosts act by mechanism; fraud, bad cameras, ' +
        'conflicts and incidents are planted in what they do, and what turns out about them follows later as ' +
        'outcomes. Sends the history as fast as the engine takes it, then goes on in real time until Ctrl-C. ' +
        'Needs a key for every tenant it plays.',
    )
    .option('--history <duration>', 'how long ago the story begins: 36h, 30d (default: 7d)', durationOption)
    .option(
      '--rate <events/s>',
      'sends the last day of the history at this pace instead',
      numberWithin(0.1, 1_000_000, false),
    )
    .option('--once', 'stop when the story has reached the present')
    .option('--seed <number>', 'another seed is another world', numberWithin(0, 2 ** 31 - 1), 1)
    .addOption(
      new Option('--patterns <kind>', "'training' leaves out the pattern that no model was trained on")
        .choices(['training', 'testing'])
        .default('testing'),
    )
    .option('--people <number>', 'in all tenants together', numberWithin(4, 1_000_000), 3_000)
    .option('--tenants <ids>', `separated by commas (default: ${demoTenants.join(',')})`)
    .action(async (options: SimulateOptions) => {
      // A request that is under way is finished after Ctrl-C; the second Ctrl-C leaves at once.
      const client = await connect(options, new AbortController().signal)
      const sent = await play(client, options, terminal)
      if (options.json === true) await printJson(terminal, sent)
      else
        say(
          terminal,
          `${count(sent.events)} events and ${count(sent.outcomes)} outcomes sent, told up to ${sent.toldUpTo}`,
        )
      if (sent.refused > 0) throw new CommandFailed(exits.failed, `${count(sent.refused)} events were refused`)
    })
}

interface Sent {
  readonly events: number
  readonly outcomes: number
  readonly refused: number
  readonly toldUpTo: string
}

async function play(client: Client, options: SimulateOptions, terminal: Terminal): Promise<Sent> {
  const historyMs = options.history ?? usualHistoryMs
  const startedMs = systemClock.nowMs()
  const tenants = options.tenants
    ?.split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '')
  const world = createWorld({
    seed: options.seed,
    startMs: startedMs - historyMs,
    patterns: options.patterns,
    people: options.people,
    ...(tenants !== undefined && { tenants }),
  })
  const publisher = publisherTo(client, terminal)
  const caughtUp = new AbortController()
  const line = progressLine(terminal, startedMs)
  const told = await simulate({
    world,
    clock: systemClock,
    signal: AbortSignal.any([terminal.interrupted, caughtUp.signal]),
    historyMs,
    batch: limits.apiBatch,
    publish: (stream, events) => publisher.events(stream, events),
    publishOutcomes: (outcomes) => publisher.outcomes(outcomes),
    ...(options.rate !== undefined && { paced: { lastMs: Math.min(pacedMs, historyMs), rate: options.rate } }),
    progress(sent) {
      line(sent)
      if (options.once === true && sent.live && sent.toldMs >= systemClock.nowMs() - caughtUpMs) caughtUp.abort()
    },
  })
  await publisher.settled()
  return {
    events: told.events,
    outcomes: told.outcomes,
    refused: publisher.refused(),
    toldUpTo: new Date(told.toldMs).toISOString(),
  }
}

interface Publisher {
  events(stream: StreamName, events: readonly object[]): Promise<void>
  outcomes(outcomes: readonly Outcome[]): Promise<void>
  settled(): Promise<void>
  refused(): number
}

const sources = { correction: 'correction', review: 'review', 'later-event': 'event' } as const

/**
 * One request in flight per stream: its next one waits, so that the order of events is kept, and the world goes on
 * being told meanwhile. A failure surfaces at the stream's next request or in `settled`.
 */
function publisherTo(client: Client, terminal: Terminal): Publisher {
  const inFlight = new Map<string, Promise<void>>()
  let refused = 0
  const send = async (lane: string, path: string, body: string): Promise<void> => {
    await inFlight.get(lane)
    const sending = client.post(path, body, 'application/json').then((answer) => {
      const refusals = refusalsOf(answer)
      if (refused === 0 && refusals.length > 0) say(terminal, `the engine refuses events: ${refusals[0]!}`)
      refused += refusals.length
    })
    sending.catch(() => undefined)
    inFlight.set(lane, sending)
  }
  return {
    events: (stream, events) => send(stream, `/api/v2/events/${stream}`, JSON.stringify({ events })),
    outcomes: (outcomes) =>
      send(
        'outcomes',
        '/api/v2/outcomes',
        JSON.stringify({
          outcomes: outcomes.map(({ stream, tenant_id, event_id, label, kind, atMs }) => ({
            stream,
            tenant_id,
            event_id,
            label,
            source: sources[kind],
            decided_at: new Date(atMs).toISOString(),
          })),
        }),
      ),
    async settled() {
      await Promise.all(inFlight.values())
    },
    refused: () => refused,
  }
}

/** Why events of a batch were not taken; throws where the batch as a whole was refused. */
function refusalsOf({ status, body }: Answer): readonly string[] {
  if (status < 200 || status >= 300) throw failure(status, body)
  const { results = [] } = body as { results?: readonly { error?: { message: string } }[] }
  return results.flatMap(({ error }) => (error === undefined ? [] : [error.message]))
}

/** How far the story is, at most once a second: over itself on a terminal, a line every ten seconds elsewhere. */
function progressLine(terminal: Terminal, startedMs: number): (sent: Progress) => void {
  const isTTY = terminal.err.isTTY === true
  let shownMs = 0
  return (sent) => {
    const nowMs = systemClock.nowMs()
    if (nowMs - shownMs < (isTTY ? 1 : 10) * reportIntervalMs) return
    shownMs = nowMs
    const rate = (sent.events * 1_000) / Math.max(1, nowMs - startedMs)
    const behindMs = nowMs - sent.toldMs
    const text =
      `${count(sent.events)} events, ${count(rate)}/s, ` +
      (behindMs < caughtUpMs ? 'in real time' : `${duration(behindMs)} ago in the story`)
    terminal.err.write(isTTY ? `\r\u001b[K${text}` : `${text}\n`)
  }
}
