import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock as clock } from '../../../src/base/clock.js'
import { isEngineError, messageOf } from '../../../src/base/errors.js'
import { openLocalLog } from '../../../src/log/local/log.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { oneOf } from '../fault.js'
import { programPath } from '../programs.js'
import { readAll } from '../topics.js'

const sizes = {
  small: { kills: 8, flips: 200, truncations: 20 },
  large: { kills: 80, flips: 5_000, truncations: 200 },
} as const

const topic = 'events'
const segmentBytes = 100_000

/** Lets a process append from several hands, kills it in the middle of it, and gives what it had acknowledged. */
async function killInMidAppend(
  { variables }: FaultRun,
  directory: string,
  appends: number,
): Promise<Map<number, string>> {
  const child = spawn(process.execPath, [programPath('append'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...variables },
  })
  const exited = once(child, 'exit')
  const acknowledged = new Map<number, string>()
  for await (const line of createInterface({ input: child.stdout })) {
    const [, offset, value] = /^(\d+) (.*x)$/.exec(line) ?? []
    // The kill may cut the last line short.
    if (offset !== undefined) acknowledged.set(Number(offset), value!)
    if (acknowledged.size === appends) child.kill('SIGKILL')
  }
  await exited
  return acknowledged
}

/** What whoever opens the log and reads all of it finds. */
type Found =
  | { readonly refused: string; readonly isClear: boolean }
  | { readonly values: readonly string[]; readonly repairs: number }

async function look(directory: string): Promise<Found> {
  try {
    const log = await openLocalLog({ directory, clock, segmentBytes, ephemeral: true })
    try {
      await log.ensure({ topic, partitions: 1 })
      return { values: (await readAll(log, topic, 0)).map(({ value }) => String(value)), repairs: log.repairs.length }
    } finally {
      await log.close()
    }
  } catch (error) {
    const message = messageOf(error)
    return {
      refused: message,
      isClear: isEngineError(error, 'LOG_DAMAGED') && message.includes(directory) && /restore|backup/i.test(message),
    }
  }
}

/** Files of the only partition that hold records, oldest first. */
const segmentsIn = async (directory: string): Promise<readonly string[]> =>
  (await readdir(join(directory, topic, '0')))
    .filter((name) => name.endsWith('.segment'))
    .sort()
    .map((name) => join(directory, topic, '0', name))

interface Tally {
  refused: number
  recovered: number
  harmless: number
  readonly violations: string[]
}

/**
 * A damage must be refused in clear words, or repaired and reported; what is read is then a beginning of what was
 * written.
 */
function weigh(tally: Tally, what: string, whole: readonly string[], found: Found): void {
  if ('refused' in found) {
    tally.refused++
    if (!found.isClear)
      tally.violations.push(`${what}: refused without saying what, where and what to do: ${found.refused}`)
  } else if (found.values.length === whole.length && found.values.every((value, i) => value === whole[i]))
    tally.harmless++
  else if (
    found.repairs > 0 &&
    found.values.length < whole.length &&
    found.values.every((value, i) => value === whole[i])
  )
    tally.recovered++
  else
    tally.violations.push(`${what}: read as if nothing were wrong, ${found.values.length} records of ${whole.length}`)
}

interface Damaged {
  readonly run: FaultRun
  /** Logs as they were left: by a crash, and closed in good order. */
  readonly sound: readonly string[]
  readonly whole: readonly string[]
  readonly tally: Tally
}

async function damaged(
  { run, sound, whole, tally }: Damaged,
  what: string,
  damage: (file: string, bytes: Buffer) => Promise<string | undefined>,
): Promise<void> {
  const copy = join(run.directory, 'damaged')
  for (let place: string | undefined; place === undefined;) {
    await rm(copy, { recursive: true, force: true })
    await cp(oneOf(sound, run.random), copy, { recursive: true })
    const file = oneOf(await segmentsIn(copy), run.random)
    place = await damage(file, await readFile(file))
    if (place !== undefined) weigh(tally, `${what} ${place} of ${file}`, whole, await look(copy))
  }
}

async function flip(random: () => number, file: string, bytes: Buffer): Promise<string> {
  const at = Math.floor(random() * bytes.length)
  bytes[at]! ^= 1 << Math.floor(random() * 8)
  await writeFile(file, bytes)
  return `at byte ${at}`
}

/**
 * A crash may leave a file that ends between two frames: that is no damage, and nobody can tell a cut there from it.
 */
async function cut(random: () => number, file: string, bytes: Buffer): Promise<string | undefined> {
  const at = Math.floor(random() * bytes.length)
  if (bytes.subarray(at, at + 4).toString('latin1') === 'TMF1') return undefined
  await truncate(file, at)
  return `before byte ${at}`
}

async function run(run: FaultRun): Promise<Outcome> {
  const { kills, flips, truncations } = sizes[run.size]
  const killed = join(run.directory, 'killed')
  const acknowledged = new Map<number, string>()
  for (let kill = 0; kill < kills; kill++)
    for (const [offset, value] of await killInMidAppend(run, killed, 20 + Math.floor(run.random() * 200)))
      acknowledged.set(offset, value)
  const after = await look(killed)
  const kept = 'values' in after ? after.values : []
  const lost = [...acknowledged].filter(([offset, value]) => kept[offset] !== value).length
  run.say(`${kills} kills in mid-append: ${acknowledged.size} acknowledged, ${lost} lost`)

  const crashed = join(run.directory, 'crashed')
  const closed = join(run.directory, 'closed')
  await killInMidAppend(run, crashed, 300)
  await cp(crashed, closed, { recursive: true })
  const whole = await look(closed)
  if (!('values' in whole))
    return { figures: {}, violations: [`a log that was only killed is refused: ${whole.refused}`] }
  const all = {
    run,
    sound: [crashed, closed],
    whole: whole.values,
    tally: { refused: 0, recovered: 0, harmless: 0, violations: [] as string[] },
  }
  for (let i = 0; i < flips; i++) await damaged(all, 'a bit flipped', (file, bytes) => flip(run.random, file, bytes))
  run.say(
    `${flips} flips: ${all.tally.refused} refused, ${all.tally.recovered} repaired and reported, ` +
      `${all.tally.harmless} of no effect`,
  )
  for (let i = 0; i < truncations; i++) await damaged(all, 'cut off', (file, bytes) => cut(run.random, file, bytes))
  const { violations, ...counts } = all.tally
  return {
    figures: { kills, acknowledged: acknowledged.size, lost, flips, truncations, ...counts, silent: violations.length },
    violations: [
      ...(lost > 0 ? [`${lost} acknowledged records are lost after kills in mid-append`] : []),
      ...violations.slice(0, 5),
    ],
  }
}

export const localLog: Fault = {
  name: 'local-log',
  what: 'the embedded log is killed in mid-append, its stored bytes are flipped, its files cut off',
  presets: ['embedded'],
  proves: ['checksum', 'durable-before-ack'],
  patienceMs: { small: 10 * 60_000, large: 60 * 60_000 },
  run,
}
