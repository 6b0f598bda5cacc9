import { systemClock as clock } from '../../../src/base/clock.js'
import { messageOf } from '../../../src/base/errors.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { expect, together } from '../ledger.js'
import { eventLines, startLoad } from '../load.js'
import { clusterPlace } from '../place.js'
import { settle, until } from '../settle.js'

const rounds = { small: 3, large: 20 } as const

/**
 * An owner stands still for longer than its session, in the middle of its work, while another takes its partitions
 * over; then it goes on as if nothing had been. Its commits and blocks are refused or ignored.
 */
async function run(run: FaultRun): Promise<Outcome> {
  const place = await clusterPlace(run)
  const scorers = await Promise.all(
    ['first', 'second'].map((name) =>
      place.launch(name, { roles: ['scoring'], scoring: { commitIntervalMs: 400, commitIntervalMaxMs: 400 } }),
    ),
  )
  const keeper = await place.launch('warehouse', { roles: ['warehouse'] })
  await place.keepCopies()
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), 1_000)
  await until('both score', async () =>
    (await Promise.all(scorers.map((one) => one.scored()))).every((events) => events > 200),
  )
  let takenOverMs = 0
  const round = async (number: number): Promise<void> => {
    const zombie = scorers[number % 2]!
    const before = await zombie.scored()
    await until('it is at work', async () => (await zombie.scored()) > before, 60_000, 5)
    await clock.sleep(run.random() * 400)
    zombie.send('SIGSTOP')
    const startedMs = clock.nowMs()
    await until('the other owns every partition', await place.allScored(), 60_000)
    takenOverMs = Math.max(takenOverMs, clock.nowMs() - startedMs)
    zombie.send('SIGCONT')
    const refused = place.servers.watch.refused
    const back = await zombie.scored()
    await until('the zombie scores again', async () => (await zombie.scored()) > back + 200, 60_000)
    run.say(`zombie ${number + 1}: ${place.servers.watch.refused - refused} commits refused after it woke`)
  }
  // Where it comes to no end, what is there by then is judged all the same.
  let stuck = ''
  for (let number = 0; number < rounds[run.size] && stuck === ''; number++)
    await round(number).catch((error: unknown) => (stuck = messageOf(error)))
  for (const scorer of scorers) scorer.send('SIGCONT')
  const { refused } = place.servers.watch
  const outcome = await settle(place, run, load, [...scorers, keeper])
  return together(
    outcome,
    { figures: { zombies: rounds[run.size], refusedCommits: refused, longestTakeOverMs: takenOverMs }, violations: [] },
    expect(
      stuck === '',
      `${stuck}; last words: ${scorers.map((one) => one.said().trimEnd().split('\n').slice(-2).join(' ')).join(' | ')}`,
    ),
    expect(refused > 0, 'no commit of a zombie was refused'),
    expect(outcome.figures['rawCopies'] === 0, 'rows of zombies came into the warehouse beside those of the owners'),
  )
}

export const zombie: Fault = {
  name: 'zombie',
  what: 'an owner stands still past its session (SIGSTOP), loses its partitions and goes on (SIGCONT)',
  presets: ['cluster'],
  proves: ['fence', 'gate'],
  patienceMs: { small: 10 * 60_000, large: 30 * 60_000 },
  run,
}
