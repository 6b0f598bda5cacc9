import kafkajs from 'kafkajs'
import type { Admin } from 'kafkajs'
import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { TopicSpec } from '../event-log.js'
import { faultType, isSlow, TopicsPending } from './faults.js'
import type { Wire } from './link.js'
import { pendingTopics, topicsIn } from './metadata.js'

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

/** What requests about topics need. */
export interface TopicWork {
  readonly wire: Wire
  readonly timeoutMs: number
  /** For new topics; where absent, the cluster's default. */
  readonly replicationFactor: number | undefined
  readonly pause: (ms: number) => Promise<void>
}

/** The changes that `applyTopics` would make; empty where every topic matches its declaration. */
export async function planTopics(
  { wire, timeoutMs }: Pick<TopicWork, 'wire' | 'timeoutMs'>,
  specs: readonly TopicSpec[],
): Promise<readonly TopicChange[]> {
  const known = await topicsIn(
    wire,
    specs.map(({ topic }) => topic),
    timeoutMs,
  )
  const settings = await settingsIn(await wire.admin(), [...known.keys()])
  return specs.flatMap((spec): TopicChange[] => {
    const { topic } = spec
    const has = known.get(topic)?.partitions
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

/**
 * Creates topics, and returns when every broker knows them and their leaders. A topic that exists by now is left as it
 * is: an earlier try or another process has created it. Throws faults that `isSlow` recognises while brokers are busy.
 */
async function create(work: TopicWork, specs: readonly TopicSpec[]): Promise<void> {
  const { wire, replicationFactor } = work
  const topics = specs.map((spec) => ({
    topic: spec.topic,
    numPartitions: spec.partitions,
    configEntries: Object.entries(settingsOf(spec)).map(([name, value]) => ({ name, value })),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
  }))
  try {
    await (await wire.controller()).createTopics({ topics, timeout: createTimeoutMs })
  } catch (error) {
    const faults = faultsOf(error).filter((one) => faultType(one) !== 'TOPIC_ALREADY_EXISTS')
    // A fault that does not end by itself comes first, because waiting does not help.
    const worst = faults.find((one) => !isSlow(one)) ?? faults[0]
    if (worst !== undefined) throw worst
  }
  await awaitTopics(work, specs)
}

/** After this time a broker answers REQUEST_TIMED_OUT, and creates the topics nevertheless. */
const createTimeoutMs = 5_000

/** kafkajs reports the faults of several topics together. */
const faultsOf = (error: unknown): readonly Error[] => {
  if (!(error instanceof Error)) return [new Error(String(error))]
  return 'errors' in error && Array.isArray(error.errors) ? (error.errors as Error[]) : [error]
}

/** Returns when every broker knows the topics and their leaders. */
async function awaitTopics({ wire, timeoutMs, pause }: TopicWork, specs: readonly TopicSpec[]): Promise<void> {
  let pending = specs.map(({ topic }) => topic)
  await shown(pause, async () => {
    pending = await pendingTopics(wire, pending, timeoutMs)
    return pending.length === 0 ? undefined : `not every broker knows ${pending.join(', ')} and the leaders yet`
  })
}

/** Repeats a check until it finds no problem. Throws TopicsPending with the last one; then the caller starts again. */
async function shown(pause: TopicWork['pause'], problem: () => Promise<string | undefined>): Promise<void> {
  for (let checks = 1; ; checks++) {
    const found = await problem()
    if (found === undefined) return
    if (checks === limits.topics.checks) throw new TopicsPending(found)
    await pause(limits.topics.pauseMs)
  }
}

/** Creates the topic where it is missing. TOPIC_MISMATCH where it has another number of partitions. */
export async function ensureTopic(work: TopicWork, spec: TopicSpec): Promise<void> {
  const { topic, partitions } = spec
  const has = async (): Promise<number | undefined> =>
    (await topicsIn(work.wire, [topic], work.timeoutMs)).get(topic)?.partitions
  let found = await has()
  if (found === undefined) {
    await create(work, [spec])
    found = await has()
  }
  if (found !== undefined && found !== partitions) throw mismatch(topic, found, partitions)
}

/**
 * Makes the planned changes: creates missing topics and changes settings that differ. Throws TOPIC_MISMATCH before the
 * first change where a topic has another number of partitions. Repeating it after a fault continues where it stopped.
 */
export async function applyTopics(work: TopicWork, specs: readonly TopicSpec[]): Promise<void> {
  let plan = acceptable(await planTopics(work, specs))
  const missing = specs.filter(({ topic }) => plan.some((one) => one.change === 'create' && one.topic === topic))
  if (missing.length > 0) {
    await create(work, missing)
    // Another process may have created some of them with other settings.
    plan = acceptable(await planTopics(work, specs))
  } else await awaitTopics(work, specs)
  await set(await work.wire.admin(), plan)
  if (plan.length > 0) await shown(work.pause, async () => stillDiffers(await planTopics(work, specs)))
}

/** A broker shows new settings a moment after it has taken them. */
function stillDiffers(plan: readonly TopicChange[]): string | undefined {
  const first = plan.find(({ change }) => change === 'set')
  return first?.change === 'set' ? `${first.setting} of ${first.topic} is still ${first.from ?? 'not set'}` : undefined
}

function acceptable(plan: readonly TopicChange[]): readonly TopicChange[] {
  for (const change of plan)
    if (change.change === 'refuse') throw mismatch(change.topic, change.partitions, change.wanted)
  return plan
}

async function set(admin: Admin, plan: readonly TopicChange[]): Promise<void> {
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
export async function removeTopics(
  { wire, timeoutMs }: Pick<TopicWork, 'wire' | 'timeoutMs'>,
  topics: readonly string[],
): Promise<void> {
  const wanted = [...(await topicsIn(wire, topics, timeoutMs)).keys()]
  if (wanted.length > 0) await (await wire.admin()).deleteTopics({ topics: wanted })
}
