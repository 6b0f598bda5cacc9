import kafkajs from 'kafkajs'
import type { Admin } from 'kafkajs'
import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { TopicSpec } from '../event-log.js'
import { faultType } from './faults.js'

const { ConfigResourceTypes, ConfigSource } = kafkajs

/** A change that makes a topic match its declaration. */
export type TopicChange =
  | {
      readonly change: 'create'
      readonly topic: string
      readonly partitions: number
      readonly settings: Readonly<Record<string, string>>
    }
  | {
      readonly change: 'set'
      readonly topic: string
      readonly setting: string
      readonly from: string | undefined
      readonly to: string
    }
  /** The number of partitions differs. It cannot be changed in place, because stored state depends on it. */
  | { readonly change: 'refuse'; readonly topic: string; readonly partitions: number; readonly wanted: number }

/** One batch with the largest append, plus room for the batch's own fields. */
const maxMessageBytes = limits.appendBytes + 64 * 1024

/** The settings that a topic in Kafka must have. The operators of the cluster decide all other settings. */
const settingsOf = ({ retentionMs, isCompacted }: TopicSpec): Readonly<Record<string, string>> => ({
  'cleanup.policy': isCompacted === true ? (retentionMs === undefined ? 'compact' : 'compact,delete') : 'delete',
  'retention.ms': String(retentionMs ?? -1),
  'max.message.bytes': String(maxMessageBytes),
  'message.timestamp.type': 'CreateTime',
})

const policyOf = (value: string): string =>
  value
    .split(',')
    .map((part) => part.trim())
    .sort()
    .join(',')
/** An operator may let the broker set the timestamps: then producers cannot shorten the retention. */
const same = (setting: string, a: string | undefined, b: string): boolean =>
  a === b ||
  (setting === 'message.timestamp.type' && a === 'LogAppendTime') ||
  (setting === 'cleanup.policy' && a !== undefined && policyOf(a) === policyOf(b))

interface Setting {
  readonly value: string
  /** Whether the value is set on the topic, and is not a default of the broker. */
  readonly isOwn: boolean
}

async function settingsIn(
  admin: Admin,
  topics: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, Setting>>> {
  if (topics.length === 0) return new Map()
  const { resources } = await admin.describeConfigs({
    resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
    includeSynonyms: false,
  })
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries.map(({ configName, configValue, configSource }) => [
          configName,
          { value: configValue, isOwn: configSource === ConfigSource.TOPIC_CONFIG },
        ]),
      ),
    ]),
  )
}

/** The number of partitions of each topic that exists. */
async function partitionsIn(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const existing = new Set(await admin.listTopics())
  const wanted = topics.filter((topic) => existing.has(topic))
  if (wanted.length === 0) return new Map()
  const { topics: found } = await admin.fetchTopicMetadata({ topics: wanted })
  return new Map(found.map(({ name, partitions }) => [name, partitions.length]))
}

/** The changes that `applyTopics` would make; empty where every topic matches its declaration. */
export async function planTopics(admin: Admin, specs: readonly TopicSpec[]): Promise<readonly TopicChange[]> {
  const partitions = await partitionsIn(
    admin,
    specs.map(({ topic }) => topic),
  )
  const settings = await settingsIn(admin, [...partitions.keys()])
  return specs.flatMap((spec): TopicChange[] => {
    const { topic } = spec
    const has = partitions.get(topic)
    if (has === undefined) return [{ change: 'create', topic, partitions: spec.partitions, settings: settingsOf(spec) }]
    if (has !== spec.partitions) return [{ change: 'refuse', topic, partitions: has, wanted: spec.partitions }]
    return Object.entries(settingsOf(spec)).flatMap(([setting, to]) => {
      const from = settings.get(topic)?.get(setting)?.value
      return same(setting, from, to) ? [] : [{ change: 'set' as const, topic, setting, from, to }]
    })
  })
}

const mismatch = (topic: string, has: number, wanted: number): EngineError =>
  new EngineError(
    'TOPIC_MISMATCH',
    `topic ${topic} has ${has} partitions, ${wanted} were asked for. Keep the number, or name a new topic.`,
  )

async function create(admin: Admin, spec: TopicSpec, replicationFactor: number | undefined): Promise<void> {
  const configEntries = Object.entries(settingsOf(spec)).map(([name, value]) => ({ name, value }))
  try {
    await admin.createTopics({
      topics: [
        {
          topic: spec.topic,
          numPartitions: spec.partitions,
          configEntries,
          ...(replicationFactor === undefined ? {} : { replicationFactor }),
        },
      ],
      waitForLeaders: true,
    })
  } catch (error) {
    if (faultType(error) !== 'TOPIC_ALREADY_EXISTS') throw error
    await ensureTopic(admin, spec, replicationFactor)
  }
}

/** Creates the topic where it is missing. TOPIC_MISMATCH where it has another number of partitions. */
export async function ensureTopic(admin: Admin, spec: TopicSpec, replicationFactor: number | undefined): Promise<void> {
  const has = (await partitionsIn(admin, [spec.topic])).get(spec.topic)
  if (has === undefined) await create(admin, spec, replicationFactor)
  else if (has !== spec.partitions) throw mismatch(spec.topic, has, spec.partitions)
}

/**
 * Makes the planned changes: creates missing topics and changes settings that differ. Throws TOPIC_MISMATCH before the
 * first change where a topic has another number of partitions.
 */
export async function applyTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  replicationFactor: number | undefined,
): Promise<void> {
  const plan = await planTopics(admin, specs)
  for (const change of plan)
    if (change.change === 'refuse') throw mismatch(change.topic, change.partitions, change.wanted)
  for (const spec of specs)
    if (plan.some(({ change, topic }) => change === 'create' && topic === spec.topic))
      await create(admin, spec, replicationFactor)
  const altered = [...new Set(plan.flatMap(({ change, topic }) => (change === 'set' ? [topic] : [])))]
  const settings = await settingsIn(admin, altered)
  for (const topic of altered) {
    // The request replaces all settings of the topic, so it must contain the operators' settings too.
    const own = [...settings.get(topic)!]
      .filter(([, { isOwn }]) => isOwn)
      .map(([name, { value }]) => [name, value] as const)
    const wanted = plan.flatMap((one) =>
      one.change === 'set' && one.topic === topic ? [[one.setting, one.to] as const] : [],
    )
    const configEntries = [...new Map([...own, ...wanted])].map(([name, value]) => ({ name, value }))
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    })
  }
}

/** Removes the topics that exist. */
export async function removeTopics(admin: Admin, topics: readonly string[]): Promise<void> {
  const existing = new Set(await admin.listTopics())
  const wanted = topics.filter((topic) => existing.has(topic))
  if (wanted.length > 0) await admin.deleteTopics({ topics: wanted })
}
