import { placed } from '../../../bench/engine/setup.js'
import { systemClock as clock } from '../../../src/base/clock.js'
import type { EventLog, NewRecord } from '../../../src/log/event-log.js'
import { readTail } from '../../../src/log/blocks/gate.js'
import { withLog } from '../../../src/compose/tasks.js'
import type { LaunchedEngine } from '../../e2e/launch.js'
import { clusterPlace, embeddedPlace, type Place } from '../place.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { expect, together } from '../ledger.js'
import { eventLines, startLoad, type Acknowledged } from '../load.js'
import { poisons, spoiled } from '../poison.js'
import { deadLetter, positionOf, type Results } from '../results.js'
import { living, settle, until } from '../settle.js'
import { readAll } from '../topics.js'

const events = { small: 10_000, large: 200_000 } as const
const share = 0.01
/** So many bad records in a row, of all partitions, and the good ones behind them. */
const broken = 8_000
const behind = 400
/** The line stops at a fifth of the last thousand. */
const letThrough = 201

/** Poison as it was appended: where, and the reason that it must get. */
type Poisoned = Map<string, string>

/** Appends events, of which some are spoiled, to the partitions of their keys. */
async function append(
  place: Place,
  log: EventLog,
  lines: readonly string[],
  kindOf: () => number | undefined,
  poisoned: Poisoned,
): Promise<readonly Acknowledged[]> {
  const batches = new Map<number, { record: NewRecord; id: string; code: string | undefined }[]>()
  for (const { partition, record } of placed(place.stream, 'json', lines)) {
    const kind = kindOf()
    const one = {
      id: (JSON.parse(record.value!.toString()) as { event_id: string }).event_id,
      record: kind === undefined ? record : spoiled(record, kind),
      code: kind === undefined ? undefined : poisons[kind]!.code,
    }
    batches.set(partition, [...(batches.get(partition) ?? []), one])
  }
  const acknowledged: Acknowledged[] = []
  for (const [partition, batch] of batches) {
    const first = await log.append(
      { topic: place.stream.topics.events, partition },
      batch.map(({ record }) => record),
    )
    for (const [i, { id, code }] of batch.entries()) {
      if (code === undefined) acknowledged.push({ id, partition, offset: first + i })
      else poisoned.set(positionOf(partition, first + i), deadLetter(code))
    }
  }
  return acknowledged
}

const take = (lines: Iterator<string>, count: number): readonly string[] =>
  Array.from({ length: count }, () => lines.next().value as string)

async function run(run: FaultRun): Promise<Outcome> {
  const place = run.preset === 'embedded' ? await embeddedPlace(run) : await clusterPlace(run)
  const lines = eventLines(run.random() * 2 ** 32)
  const poisoned: Poisoned = new Map()
  const before: Acknowledged[] = []
  await withLog(place.config, [place.stream], async (log) => {
    for (let sent = 0; sent < events[run.size]; sent += 500)
      before.push(
        ...(await append(
          place,
          log,
          take(lines, 500),
          () => (run.random() < share ? Math.floor(run.random() * poisons.length) : undefined),
          poisoned,
        )),
      )
  })
  const engine = await place.launch('engine')
  const load = startLoad(place.send, lines, 400)
  await until(
    'good events come after the bad ones',
    async () => load.acknowledged.length > 1_000 && (await engine.scored()) > events[run.size],
  )
  const all = { stop: load.stop, get acknowledged() { return [...before, ...load.acknowledged] } } // prettier-ignore
  const first = await settle(place, run, all, [engine])
  run.say(`${poisoned.size} bad records among ${first.figures['records'] ?? 0}`)
  return together(first, await letters(place, poisoned), await lineStops(place, run, lines))
}

/** Every bad record is a dead letter with the right reason, and no other record is one. */
async function letters(place: Place, poisoned: Results): Promise<Outcome> {
  const sql = 'SELECT source_partition AS partition, source_offset AS offset, code, reason FROM dead_letters FINAL'
  const rows = await place.inspect(({ query }) =>
    query<{ partition: number; offset: number | string; code: string; reason: string }>(sql),
  )
  const found = new Map(
    rows.map(({ partition, offset, code }) => [positionOf(partition, Number(offset)), deadLetter(code)]),
  )
  const wrong = [...poisoned].filter(([position, code]) => found.get(position) !== code)
  return together(
    { figures: { poisoned: poisoned.size, deadLetters: found.size }, violations: [] },
    expect(
      wrong.length === 0,
      `bad records are not in the dead letters for their reason: ${wrong
        .slice(0, 3)
        .map(([position, code]) => `${position} is ${found.get(position) ?? 'not there'} instead of ${code}`)
        .join('; ')}`,
    ),
    expect(found.size === poisoned.size, `${found.size} dead letters for ${poisoned.size} bad records`),
    expect(
      rows.every(({ reason }) => reason !== ''),
      'a dead letter gives no reason in words',
    ),
  )
}

/**
 * From some offset on everything is bad: each partition stops after a few hundred, and starting again does not help.
 */
async function lineStops(place: Place, run: FaultRun, lines: Iterator<string>): Promise<Outcome> {
  const before = await place.inspect(({ log }) => stood(place, log))
  const poisoned: Poisoned = new Map()
  // Not the one kind that takes 300 KB.
  const kind = (): number => Math.floor(run.random() * (poisons.length - 1))
  await withLog(place.config, [place.stream], async (log) => {
    for (let sent = 0; sent < broken; sent += 500) await append(place, log, take(lines, 500), kind, poisoned)
    await append(place, log, take(lines, behind), () => undefined, poisoned)
  })
  const first = await standing(place)
  const then = await place.inspect(({ log }) => stood(place, log))
  const second = await standing(place)
  const after = await place.inspect(({ log }) => stood(place, log))
  const letThroughBy = after.map(({ letters: now }, partition) => now - before[partition]!.letters)
  run.say(`the line stopped after ${letThroughBy.join(', ')} bad records of the partitions`)
  return together(
    {
      figures: { badInARow: poisoned.size, letThrough: Math.max(...letThroughBy), stoppedPartitions: second },
      violations: [],
    },
    expect(first === after.length, `${first} of ${after.length} partitions stopped for their bad records`),
    expect(
      second === after.length,
      `${second} of ${after.length} partitions stopped again when the engine was started again`,
    ),
    expect(
      Math.max(...letThroughBy) <= letThrough,
      `a partition let ${Math.max(...letThroughBy)} bad records through, ${letThrough} are the bound`,
    ),
    expect(
      after.every(
        ({ covered, letters: now }, partition) =>
          covered === then[partition]!.covered && now === then[partition]!.letters,
      ),
      'a partition that had stopped went on after a new start',
    ),
    expect(
      after.every(({ covered, next }) => covered < next - 1),
      'records behind the stop were consumed',
    ),
  )
}

/** Of each partition: its dead letters, the last offset that has its result, and the log's end. */
async function stood(
  { stream }: Place,
  log: EventLog,
): Promise<readonly { letters: number; covered: number; next: number }[]> {
  const { topics } = stream
  return Promise.all(
    Array.from({ length: stream.stream.partitions }, async (_, partition) => ({
      letters: (await readAll(log, topics.deadLetters, partition)).length,
      covered: (await readTail(log, { topic: topics.predictions, partition })).covered,
      next: (await log.bounds({ topic: topics.events, partition })).next,
    })),
  )
}

/**
 * Starts an engine, which claims every partition anew, and ends it when all have stopped for their bad records, or none
 * has for long: how many have.
 */
async function standing(place: Place): Promise<number> {
  const engine = await place.launch('engine')
  const all = place.stream.stream.partitions
  let stopped = 0
  for (let waitedMs = 0; stopped < all && waitedMs < 60_000; waitedMs += 250) {
    await living(engine, clock.sleep(250))
    stopped = await stoppedOf(engine)
  }
  await engine.end('SIGTERM')
  return stopped
}

async function stoppedOf({ url }: LaunchedEngine): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text()
  return [...metrics.matchAll(/^tidemill_partition_stopped\{[^}]*code="BAD_SHARE"[^}]*\} 1$/gm)].length
}

export const poison: Fault = {
  name: 'poison',
  what: 'one record in a hundred is bad; from some offset on all of them are',
  presets: ['embedded', 'cluster'],
  proves: ['bad-share'],
  patienceMs: { small: 10 * 60_000, large: 20 * 60_000 },
  run,
}
