import { systemClock } from '../../base/clock.js'
import type { Config } from '../../config/load.js'
import { compileStream } from '../../consumers/ground/compiled.js'
import { scoringGroup } from '../../consumers/scoring/scoring.js'
import { warehouseGroups } from '../../consumers/warehouse/warehouse.js'
import type { Check } from '../../contracts/checks.js'
import type { TopicPartition } from '../../log/event-log.js'
import { migrationStanding } from '../../sinks/migrate.js'
import { chooseStreams } from '../../streams/choose.js'
import { standingOf } from '../../streams/registry/schema-report.js'
import type { clusterServers, clusterTopics, topicsOf } from '../../compose/tasks.js'
import { checked, clockToleranceMs } from './local-checks.js'
import { positionProblems } from './position-checks.js'
import { count } from '../terminal/terminal.js'
import { differenceText } from '../servers/topics.js'

/** The servers of a cluster, each opened by whoever looks into it, who also closes it. */
export type Servers = ReturnType<typeof clusterServers>
type Kafka = Awaited<ReturnType<Servers['kafka']>>
type Redis = Awaited<ReturnType<Servers['redis']>>
type Clickhouse = NonNullable<Awaited<ReturnType<Servers['clickhouse']>>>

export interface ClusterTasks {
  readonly servers: Servers
  readonly topicsOf: typeof topicsOf
  readonly clusterTopics: typeof clusterTopics
}

/**
 * Looks at every server that the configuration names; changes nothing in any of them. `maxLagRecords` fails a group
 * that is further behind.
 */
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
      ? `answers at ${place}; its database is not there yet, the first start makes it`
      : `answers at ${place}`
  })
  return server === undefined ? { check } : { check, server }
}

const absent = (name: string, setting: string): Opened<never> => ({
  check: { name, result: 'skipped', detail: `${setting} is not set: the roles of this configuration do not need it` },
})

async function kafkaChecks(
  config: Config,
  { topicsOf, clusterTopics }: ClusterTasks,
  kafka: Kafka,
  maxLagRecords: number | undefined,
): Promise<readonly Check[]> {
  const specs = await topicsOf(config)
  const plan = await clusterTopics(config, specs, 'plan')
  const isNew = plan.length === specs.length && plan.every(({ change }) => change === 'create')
  if (isNew)
    return [
      {
        name: 'topics',
        result: 'skipped',
        detail: "none is there yet; the first start, or 'tidemill topics apply', makes them",
      },
    ]
  const topics = await checked('topics', () => {
    if (plan.length > 0)
      throw new Error(
        `${plan.map((change) => `${change.topic}: ${differenceText(change)}`).join('; ')}. See 'tidemill ` +
          `topics apply --dry-run'`,
      )
    return `${specs.length} are as declared`
  })
  const streams = (await chooseStreams(config.streams)).map(compileStream)
  const groups = [
    { group: scoringGroup, topics: streams.map(({ topics }) => topics.events) },
    ...warehouseGroups({ streams, rawEvents: config.warehouse.rawEvents }),
  ]
  const checks = [topics]
  for (const { group, topics } of groups) {
    const partitions = specs
      .filter(({ topic }) => topics.includes(topic))
      .flatMap(({ topic, partitions }) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })))
    checks.push(await checked(`lag of ${group}`, () => lagText(kafka, group, partitions, maxLagRecords)))
  }
  return checks
}

async function lagText(
  kafka: Kafka,
  group: string,
  partitions: readonly TopicPartition[],
  maxLagRecords: number | undefined,
): Promise<string> {
  const [known, members] = await Promise.all([kafka.lag(group), kafka.membersOf(group)])
  let lagRecords = known.reduce((sum, { committed, next }) => sum + Math.max(0, next - committed), 0)
  // Where the group has committed nothing yet it is behind by all there is.
  for (const at of partitions.filter(
    ({ topic, partition }) => !known.some((one) => one.topic === topic && one.partition === partition),
  )) {
    const { first, next } = await kafka.bounds(at)
    lagRecords += next - first
  }
  const text = `${count(lagRecords)} records behind, ${members === 0 ? 'no process is in it' : `${members} in it`}`
  if (maxLagRecords !== undefined && lagRecords > maxLagRecords)
    throw new Error(`${text}; at most ${count(maxLagRecords)} were asked for`)
  return text
}

interface Clock {
  readonly of: string
  readonly apartMs: number
}

/** How far a server's clock is from ours, given when it was asked and that it has answered now. */
function clockOf(of: string, theirsMs: number, askedMs: number): Clock {
  const answeredMs = systemClock.nowMs()
  return { of, apartMs: Math.max(0, askedMs - theirsMs, theirsMs - answeredMs) }
}

/** A server this full has little time left: state grows until entities expire. */
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
          const bound = maxBytes === 0 ? 'no bound' : `of ${mebibytes(maxBytes)}`
          return (
            `${node} ${version}, ${policy}, ${mebibytes(usedBytes)} ${bound}, append-only file ` +
            (appendOnly ? 'on' : 'off: a crash costs a rebuild from the log')
          )
        },
      )
      if (full.length > 0)
        throw new Error(`nearly full: ${texts.join('; ')}. Give it more memory: scoring waits once it is full`)
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
    const { applied, pending, unknown, changed } = await migrationStanding(clickhouse)
    if (unknown.length > 0)
      throw new Error(`${unknown.join(', ')}: not of this build, but of a newer one; start that one`)
    if (changed.length > 0) throw new Error(`${changed.join(', ')}: applied with another content than this build's`)
    return pending.length === 0
      ? `${applied.length} applied`
      : `${applied.length} applied; the next start applies ${pending.join(', ')}`
  })
  return [server, migrations]
}

/** What state and warehouse remember of the log, against what the log has. */
async function positionChecks(
  config: Config,
  kafka: Kafka,
  redis: Redis | undefined,
  clickhouse: Clickhouse | undefined,
): Promise<readonly Check[]> {
  const checks: Check[] = []
  const streams = await chooseStreams(config.streams)
  if (redis !== undefined) checks.push(await checked('state', () => positionProblems.state(kafka, redis, streams)))
  if (clickhouse !== undefined)
    checks.push(await checked('progress', () => positionProblems.warehouse(kafka, clickhouse)))
  return checks
}

async function registryCheck(config: Config, { registry: open }: Servers): Promise<Check> {
  if (config.schemaRegistry.url === undefined)
    return { name: 'registry', result: 'skipped', detail: 'none is configured: schemas come from files' }
  return checked('registry', async () => {
    const registry = open()!
    try {
      const standings = []
      for (const stream of await chooseStreams(config.streams)) standings.push(await standingOf(stream, registry))
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

/** Retention and sessions go by the servers' clocks, expiry and windows by the events'; they should be one time. */
function clockCheck(clocks: readonly Clock[]): Check {
  if (clocks.length === 0)
    return { name: 'server clocks', result: 'skipped', detail: 'no server answered that tells the time' }
  const apart = clocks.filter(({ apartMs }) => apartMs > clockToleranceMs)
  if (apart.length > 0)
    return {
      name: 'server clocks',
      result: 'failed',
      detail:
        `${apart.map(({ of, apartMs }) => `${of} is ${apartMs} ms from this machine`).join('; ')}: let both ` +
        'follow a time server',
    }
  return {
    name: 'server clocks',
    result: 'ok',
    detail: `this machine and ${clocks.map(({ of }) => of).join(', ')} agree`,
  }
}
