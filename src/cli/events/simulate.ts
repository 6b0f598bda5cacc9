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
  type World,
} from '../../simulator/index.js'
import { connect, failure, type Answer, type Client } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { durationOption, numberWithin } from '../terminal/options.js'
import { count, duration, printJson, printMessage, type Terminal } from '../terminal/terminal.js'

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
/** Without a history there are no habits, so nothing is unusual. */
const usualHistoryMs = 7 * dayMs
/** The part of the history that `--rate` applies to. */
const pacedMs = dayMs
const reportIntervalMs = 1_000
/** The simulation is in real time when its clock is this close to now. */
const caughtUpMs = 2_000

export function simulateCommand(parent: Command, terminal: Terminal): void {
  reads(talksToEngine(parent.command('simulate')))
    .summary('simulate a world and send its events')
    .description(
      'Simulates thousands of people, devices, sites, meters, users and hosts, with fraud, bad cameras, ' +
        'conflicts and ' +
        'incidents among them, and sends their events and, later, the outcomes. Sends the history as fast as the ' +
        'engine takes it, then continues in real time until Ctrl-C. Leaves out streams that the engine does not run. ' +
        'The key must be valid for every simulated tenant.',
    )
    .option('--history <duration>', 'length of the history: 36h, 30d (default: 7d)', durationOption)
    .option('--rate <events/s>', 'send the last day of the history at this rate', numberWithin(0.1, 1_000_000, false))
    .option('--once', 'stop when the simulation has reached the present')
    .option('--seed <number>', 'seed of the world; another seed gives another world', numberWithin(0, 2 ** 31 - 1), 1)
    .addOption(
      new Option('--patterns <kind>', "'training' leaves out the pattern that the models were not trained on")
        .choices(['training', 'testing'])
        .default('testing'),
    )
    .option('--people <number>', 'number of people in all tenants together', numberWithin(4, 1_000_000), 3_000)
    .option('--tenants <ids>', `tenants to simulate, separated by commas (default: ${demoTenants.join(',')})`)
    .action(async (options: SimulateOptions) => {
      // After Ctrl-C the command finishes the requests in flight; the second Ctrl-C ends it at once.
      const client = await connect(options, new AbortController().signal)
      const sent = await play(client, options, terminal)
      if (options.json === true) await printJson(terminal, sent)
      else
        printMessage(
          terminal,
          `${count(sent.events)} events and ${count(sent.outcomes)} outcomes sent, simulated up to ${sent.toldUpTo}`,
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
  const skipped = await unknownStreams(client, terminal)
  const publisher = publisherTo(client, terminal)
  const caughtUp = new AbortController()
  const line = progressLine(terminal, startedMs)
  const sent = await simulate({
    world: without(world, skipped),
    clock: systemClock,
    signal: AbortSignal.any([terminal.interrupted, caughtUp.signal]),
    historyMs,
    batch: limits.apiBatch,
    publish: (stream, events) => publisher.events(stream, events),
    publishOutcomes: (outcomes) => publisher.outcomes(outcomes),
    ...(options.rate !== undefined && { paced: { lastMs: Math.min(pacedMs, historyMs), rate: options.rate } }),
    progress(state) {
      line(state)
      if (options.once === true && state.live && state.reachedMs >= systemClock.nowMs() - caughtUpMs) caughtUp.abort()
    },
  })
  await publisher.settled()
  return {
    events: sent.events,
    outcomes: sent.outcomes,
    refused: publisher.refused(),
    toldUpTo: new Date(sent.reachedMs).toISOString(),
  }
}

/**
 * The simulated streams that the engine does not run; prints their names. It asks with an empty batch, because the key
 * may lack the scope `read`.
 */
async function unknownStreams(client: Client, terminal: Terminal): Promise<ReadonlySet<string>> {
  const answers = await Promise.all(
    simulated.map(
      async (name) => [name, await client.post(`/api/v2/events/${name}`, '[]', 'application/json')] as const,
    ),
  )
  const unknown = answers
    .filter(([, { body }]) => (body as { code?: unknown } | null)?.code === 'UNKNOWN_STREAM')
    .map(([name]) => name)
  if (unknown.length === simulated.length)
    throw new CommandFailed(exits.usage, `the engine runs none of the simulated streams ${simulated.join(', ')}`)
  if (unknown.length > 0) printMessage(terminal, `the engine does not run ${unknown.join(', ')}: these are left out`)
  return new Set(unknown)
}

/** The world without some of its streams. */
const without = (world: World, skipped: ReadonlySet<string>): World => ({
  ...world,
  *timeline(fromMs, toMs) {
    for (const moment of world.timeline(fromMs, toMs))
      if (!skipped.has(moment.is === 'event' ? moment.happening.stream : moment.outcome.stream)) yield moment
  },
})

const simulated: readonly StreamName[] = ['attendance', 'meter-reading', 'sync', 'infra-metric']

interface Publisher {
  events(stream: StreamName, events: readonly object[]): Promise<void>
  outcomes(outcomes: readonly Outcome[]): Promise<void>
  settled(): Promise<void>
  refused(): number
}

const sources = { correction: 'correction', review: 'review', 'later-event': 'event' } as const

/**
 * Keeps one request in flight per stream, so that events stay in order; the simulation continues meanwhile. A failed
 * request makes the stream's next request or `settled` throw.
 */
function publisherTo(client: Client, terminal: Terminal): Publisher {
  const inFlight = new Map<string, Promise<void>>()
  let refused = 0
  const send = async (lane: string, path: string, body: string): Promise<void> => {
    await inFlight.get(lane)
    const sending = client.post(path, body, 'application/json').then((answer) => {
      const refusals = refusalsOf(answer)
      if (refused === 0 && refusals.length > 0) printMessage(terminal, `the engine refuses events: ${refusals[0]!}`)
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

/** Reasons of the refused events of a batch; throws when the engine refused the whole batch. */
function refusalsOf({ status, body }: Answer): readonly string[] {
  if (status < 200 || status >= 300) throw failure(status, body)
  const { results = [] } = body as { results?: readonly { error?: { message: string } }[] }
  return results.flatMap(({ error }) => (error === undefined ? [] : [error.message]))
}

/** Prints the progress: on a terminal one line, redrawn every second; elsewhere a line every ten seconds. */
function progressLine(terminal: Terminal, startedMs: number): (sent: Progress) => void {
  const isTTY = terminal.err.isTTY === true
  let shownMs = 0
  return (sent) => {
    const nowMs = systemClock.nowMs()
    if (nowMs - shownMs < (isTTY ? 1 : 10) * reportIntervalMs) return
    shownMs = nowMs
    const rate = (sent.events * 1_000) / Math.max(1, nowMs - startedMs)
    const behindMs = nowMs - sent.reachedMs
    const text =
      `${count(sent.events)} events, ${count(rate)}/s, ` +
      (behindMs < caughtUpMs ? 'in real time' : `${duration(behindMs)} behind real time`)
    terminal.err.write(isTTY ? `\r\u001b[K${text}` : `${text}\n`)
  }
}
