import type { Config } from '../../config/load.js'
import type { Check } from '../../contracts/checks.js'
import { compileStream } from '../../consumers/ground/compiled.js'
import { scoringGroup } from '../../consumers/scoring/scoring.js'
import { warehouseGroups } from '../../consumers/warehouse/warehouse.js'
import { countRecords } from '../../log/count-records.js'
import type { TopicPartition } from '../../log/event-log.js'
import { chooseStreams } from '../../streams/choose.js'
import { differenceText } from '../servers/topics.js'
import { count } from '../terminal/terminal.js'
import { checked } from './local-checks.js'
import type { ClusterTasks, Kafka } from './servers.js'

/** Checks the topics of the streams and the lag of every consumer group. */
export async function kafkaChecks(
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
        detail: "there are none yet; the first start, or 'tidemill topics apply', creates them",
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
  let lagRecords = 0
  for (const { topic, partition, committed, next } of known)
    lagRecords += await countRecords(kafka, { topic, partition }, { from: committed, to: next })
  // A partition without a commit of the group counts with all its records.
  for (const at of partitions.filter(
    ({ topic, partition }) => !known.some((one) => one.topic === topic && one.partition === partition),
  )) {
    const { first, next } = await kafka.bounds(at)
    lagRecords += await countRecords(kafka, at, { from: first, to: next })
  }
  const text = `${count(lagRecords)} records behind, ${members === 1 ? '1 member' : `${members} members`}`
  if (maxLagRecords !== undefined && lagRecords > maxLagRecords)
    throw new Error(`${text}; --max-lag allows ${count(maxLagRecords)}`)
  return text
}
