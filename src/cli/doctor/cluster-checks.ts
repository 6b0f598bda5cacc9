import { systemClock } from '../../base/clock.js'
import type { Config } from '../../config/load.js'
import type { Check } from '../../contracts/checks.js'
import { migrationState } from '../../sinks/migrate.js'
import { placementProblems } from '../../consumers/watch/placements.js'
import { chooseStreams } from '../../streams/choose.js'
import type { Stream } from '../../streams/stream.js'
import { schemaState } from '../../streams/registry/schema-report.js'
import { checked, clockToleranceMs } from './local-checks.js'
import { kafkaChecks } from './kafka-checks.js'
import { positionProblems } from './position-checks.js'
import type { Clickhouse, ClusterTasks, Kafka, Redis, Servers } from './servers.js'

/** Checks every server that the configuration names, and changes nothing. A group with a lag above the limit fails. */
export async function clusterChecks(
  config: Config,
  tasks: ClusterTasks,
  maxLagRecords: number | undefined,
): Promise<readonly Check[]> {
  const { servers } = tasks
  const clocks: Clock[] = []
  const kafka = await opened('kafka', servers.kafka, config.kafka.brokers.join(', '))
  const redis =
    config.redis.nodes.length === 0
      ? absent('redis', 'redis.nodes')
      : await opened('redis', servers.redis, config.redis.nodes.join(', '))
  const clickhouse =
    config.clickhouse.url === undefined
      ? absent('clickhouse', 'clickhouse.url')
      : await opened('clickhouse', servers.clickhouse, new URL(config.clickhouse.url).origin)
  try {
    return [
      kafka.check,
      ...(kafka.server === undefined ? [] : await kafkaChecks(config, tasks, kafka.server, maxLagRecords)),
      redis.check,
      ...(redis.server === undefined ? [] : await redisChecks(redis.server, clocks)),
      clickhouse.check,
      ...(clickhouse.server === undefined ? [] : await clickhouseChecks(clickhouse.server, clocks)),
      ...(kafka.server === undefined
        ? []
        : await positionChecks(config, kafka.server, redis.server, clickhouse.server)),
      await registryCheck(config, servers),
      clockCheck(clocks),
    ]
  } finally {
    await Promise.all([kafka.server?.close(), redis.server?.close(), clickhouse.server?.close()])
  }
}

interface Opened<Server> {
  readonly check: Check
  readonly server?: Server
}

async function opened<Server>(
  name: string,
  open: () => Promise<Server | undefined>,
  place: string,
): Promise<Opened<Server>> {
  let server: Server | undefined
  const check = await checked(name, async () => {
    server = await open()
    return server === undefined
      ? `answers at ${place}; its database does not exist yet, the first start creates it`
      : `answers at ${place}`
  })
  return server === undefined ? { check } : { check, server }
}

const absent = (name: string, setting: string): Opened<never> => ({
  check: { name, result: 'skipped', detail: `${setting} is not set: the roles of this configuration do not need it` },
})

interface Clock {
  readonly of: string
  readonly apartMs: number
}

/** How far a server's clock is from this one: it answered between `askedMs` and now. */
function clockOf(of: string, theirsMs: number, askedMs: number): Clock {
  const answeredMs = systemClock.nowMs()
  return { of, apartMs: Math.max(0, askedMs - theirsMs, theirsMs - answeredMs) }
}

/** A fuller server fails the check: state grows until entities expire. */
const fullShare = 0.9

async function redisChecks(redis: Redis, clocks: Clock[]): Promise<readonly Check[]> {
  const askedMs = systemClock.nowMs()
  return [
    await checked('redis servers', async () => {
      const servers = await redis.inspect()
      for (const { node, nowMs } of servers) clocks.push(clockOf(`Redis at ${node}`, nowMs, askedMs))
      const full = servers.filter(({ usedBytes, maxBytes }) => maxBytes > 0 && usedBytes > fullShare * maxBytes)
      const texts = (full.length > 0 ? full : servers).map(
        ({ node, version, policy, usedBytes, maxBytes, appendOnly }) => {
          const bound = maxBytes === 0 ? 'without a limit' : `of ${mebibytes(maxBytes)}`
          return (
            `${node} ${version}, ${policy}, ${mebibytes(usedBytes)} ${bound}, append-only file ` +
            (appendOnly ? 'on' : 'off: after a crash the engine rebuilds the state from the log')
          )
        },
      )
      if (full.length > 0)
        throw new Error(`nearly full: ${texts.join('; ')}. Give it more memory; scoring stops when it is full`)
      return texts.join('; ')
    }),
  ]
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`

async function clickhouseChecks(clickhouse: Clickhouse, clocks: Clock[]): Promise<readonly Check[]> {
  const server = await checked('clickhouse server', async () => {
    const askedMs = systemClock.nowMs()
    const [row] = await clickhouse.query<{ version: string; nowMs: number }>(
      'SELECT version() AS version, toFloat64(toUnixTimestamp64Milli(now64(3))) AS nowMs',
    )
    clocks.push(clockOf('ClickHouse', row!.nowMs, askedMs))
    return `version ${row!.version}`
  })
  const migrations = await checked('migrations', async () => {
    const { applied, pending, unknown, changed } = await migrationState(clickhouse)
    if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: a newer build applied them; use that build`)
    if (changed.length > 0) throw new Error(`${changed.join(', ')}: applied with other content than in this build`)
    return pending.length === 0
      ? `${applied.length} applied`
      : `${applied.length} applied; the next start applies ${pending.join(', ')}`
  })
  return [server, migrations]
}

/** Compares the positions that state and warehouse have stored with the log. */
async function positionChecks(
  config: Config,
  kafka: Kafka,
  redis: Redis | undefined,
  clickhouse: Clickhouse | undefined,
): Promise<readonly Check[]> {
  const checks: Check[] = []
  const streams = await chooseStreams(config.streams)
  if (redis !== undefined) {
    checks.push(await checked('state', () => positionProblems.state(kafka, redis, streams)))
    checks.push(await checked('producers', () => producersText(redis, streams)))
  }
  if (clickhouse !== undefined)
    checks.push(await checked('progress', () => positionProblems.warehouse(kafka, clickhouse)))
  return checks
}

/** Throws when producers wrote events of the last hour to partitions that their key does not give. */
async function producersText(redis: Redis, streams: readonly Stream[]): Promise<string> {
  const problems = await placementProblems(
    redis,
    streams.map((stream) => ({ stream })),
    systemClock.nowMs(),
  )
  if (problems.length > 0) throw new Error(problems.join('; '))
  return 'every event of the last hour is in the partition of its key'
}

async function registryCheck(config: Config, { registry: open }: Servers): Promise<Check> {
  if (config.schemaRegistry.url === undefined)
    return { name: 'registry', result: 'skipped', detail: 'none is configured; schemas come from files' }
  return checked('registry', async () => {
    const registry = open()!
    try {
      const standings = []
      for (const stream of await chooseStreams(config.streams)) standings.push(await schemaState(stream, registry))
      const without = standings.filter(({ registered }) => registered === null).map(({ subject }) => subject)
      return (
        `answers at ${registry.place}, ${standings.length - without.length} of ${standings.length} schemas ` +
        `registered${without.length === 0 ? '' : ` (not ${without.join(', ')})`}`
      )
    } finally {
      registry.close()
    }
  })
}

/** Retention and sessions use the servers' clocks, expiry and windows use event time, so the clocks should agree. */
function clockCheck(clocks: readonly Clock[]): Check {
  if (clocks.length === 0)
    return { name: 'server clocks', result: 'skipped', detail: 'no server that reports its time answered' }
  const apart = clocks.filter(({ apartMs }) => apartMs > clockToleranceMs)
  if (apart.length > 0)
    return {
      name: 'server clocks',
      result: 'failed',
      detail:
        `${apart.map(({ of, apartMs }) => `${of} is ${apartMs} ms from this machine`).join('; ')}; synchronize both ` +
        'with a time server',
    }
  return {
    name: 'server clocks',
    result: 'ok',
    detail: `this machine and ${clocks.map(({ of }) => of).join(', ')} agree`,
  }
}
