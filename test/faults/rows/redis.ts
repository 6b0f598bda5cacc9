import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { systemClock as clock } from '../../../src/base/clock.js'
import type { Fault, FaultRun, Outcome } from '../fault.js'
import { together } from '../ledger.js'
import { eventLines, startLoad } from '../load.js'
import { clusterPlace } from '../place.js'
import type { Servers } from '../servers.js'
import { settle, until } from '../settle.js'

const rounds = { small: 3, large: 20 } as const

/** What happens to the state server while engines work with it. */
const happenings: Readonly<Record<string, (servers: Servers, copy: string, run: FaultRun) => Promise<void>>> = {
  async killed({ redis }, _copy, run) {
    await redis.kill()
    await clock.sleep(run.random() * 3_000)
    await redis.start()
  },
  async flushed({ redis }) {
    const admin = new Redis({ port: redis.port, host: '127.0.0.1' })
    await admin.flushall()
    admin.disconnect()
  },
  /** As after a restore from a backup, or a failover to a replica that was far behind. */
  async 'rolled back'({ redis }, copy) {
    await redis.kill()
    await rm(join(redis.directory, 'appendonlydir'), { recursive: true, force: true })
    await cp(copy, join(redis.directory, 'appendonlydir'), { recursive: true })
    await redis.start()
  },
}

async function run(run: FaultRun): Promise<Outcome> {
  const place = await clusterPlace(run)
  const { servers } = place
  const engines = await Promise.all([
    place.launch('first', { roles: ['scoring'] }),
    place.launch('second', { roles: ['scoring', 'warehouse'] }),
  ])
  const load = startLoad(place.send, eventLines(run.random() * 2 ** 32), 500)
  const copy = join(run.directory, 'copy-of-redis')
  const names = Object.keys(happenings)
  const backMs: number[] = []
  for (let round = 0; round < rounds[run.size]; round++) {
    const before = await place.scored()
    await until('more is scored', async () => (await place.scored()) > before + 1_000)
    await rm(copy, { recursive: true, force: true })
    await cp(join(servers.redis.directory, 'appendonlydir'), copy, { recursive: true })
    await until('the copy is old', await place.allScored())
    const name = names[round % names.length]!
    const startedMs = clock.nowMs()
    await happenings[name]!(servers, copy, run)
    await until('every partition is scored again', await place.allScored(), 180_000)
    backMs.push(clock.nowMs() - startedMs)
    run.say(`Redis ${name}: up to date again after ${backMs.at(-1)!} ms`)
  }
  return together(await settle(place, run, load, engines), {
    figures: { faults: backMs.length, longestPauseMs: Math.max(...backMs), refusedCommits: servers.watch.refused },
    violations: [],
  })
}

export const redis: Fault = {
  name: 'redis',
  what: 'Redis is killed (-9), flushed, and rolled back to an older copy, in turn',
  presets: ['cluster'],
  proves: ['owner', 'patience'],
  patienceMs: { small: 10 * 60_000, large: 40 * 60_000 },
  run,
}
