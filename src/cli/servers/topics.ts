import type { Command } from 'commander'
import { loadConfig, type Config } from '../../config/load.js'
import type { TopicChange, TopicSpec } from '../../compose/tasks.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { configured, givenSettings } from '../terminal/options.js'
import { duration, print, printJson, say, styled, table, type Terminal } from '../terminal/terminal.js'

interface TopicsOptions {
  readonly config?: string
  readonly json?: boolean
}

/** How a topic of a cluster stands against its declaration; `own` where there is no cluster to ask. */
type Standing = 'as declared' | 'missing' | 'differs' | 'own'

/** A topic as it is declared, and what would have to change. */
interface TopicView {
  readonly topic: string
  readonly partitions: number
  /** Null keeps records for ever. */
  readonly retentionMs: number | null
  readonly compacted: boolean
  readonly standing: Standing
  readonly changes: readonly TopicChange[]
}

const ownTopics =
  "The embedded engine makes its own topics when it starts; 'tidemill topics' is for the preset 'cluster'."

export function topicsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('topics')
    .summary('the topics that an engine needs in Kafka')
    .description(
      'Topics of the streams and of the engine itself, with their partitions, retention and compaction. No ' +
        'engine needs to run.',
    )
  const located = (command: Command): Command =>
    configured(
      command,
      ['preset', 'kafka.brokers', 'streams.builtin', 'streams.paths'],
      'the configuration that names brokers and streams',
    )

  const list = located(group.command('list'))
    .summary('how each is declared, and whether the cluster has it so')
    .action(async (options: TopicsOptions) => {
      const { config, specs, plan } = await looked(list, options)
      const topics = specs.map((spec) => viewOf(spec, config.preset === 'cluster' ? plan : undefined))
      if (options.json === true) return printJson(terminal, { preset: config.preset, topics })
      if (config.preset === 'embedded') say(terminal, ownTopics)
      await print(terminal, listText(topics))
    })

  const apply = located(group.command('apply'))
    .summary('create what is missing, set what differs')
    .description(
      'Creates missing topics and sets retention and compaction where they differ; other settings are left ' +
        'alone, and repeating it changes nothing. Exit code 5, and nothing done, where a number of partitions ' +
        'differs: state belongs to it.',
    )
    .option('--dry-run', 'only say what would be done')
    .action(async (options: TopicsOptions & { dryRun?: boolean }) => {
      const { config, specs, plan } = await looked(apply, options)
      const refused = plan.filter(({ change }) => change === 'refuse')
      const dry = options.dryRun === true || refused.length > 0
      const { clusterTopics } = await import('../../compose/tasks.js')
      const changes = dry || plan.length === 0 ? plan : await clusterTopics(config, specs, 'apply')
      if (options.json === true) await printJson(terminal, { preset: config.preset, applied: !dry, changes })
      else if (config.preset === 'embedded') say(terminal, ownTopics)
      else
        await print(
          terminal,
          plan.length === 0
            ? `ok ${specs.length} topics are as declared\n`
            : changes.map((change) => `${changeText(change, dry, terminal)}\n`).join(''),
        )
      if (refused.length > 0)
        throw new CommandFailed(
          exits.check,
          `${refused.length} of ${specs.length} topics cannot be changed in place, so nothing was: keep the ` +
            'number of partitions, or give the stream a new topic',
        )
    })
}

async function looked(
  command: Command,
  options: TopicsOptions,
): Promise<{ config: Config; specs: readonly TopicSpec[]; plan: readonly TopicChange[] }> {
  const config = loadConfig({
    flags: { ...givenSettings(command), 'demo.enabled': false },
    servers: ['kafka'],
    ...(options.config !== undefined && { configPath: options.config }),
  })
  const { clusterTopics, topicsOf } = await import('../../compose/tasks.js')
  const specs = await topicsOf(config)
  return { config, specs, plan: config.preset === 'cluster' ? await clusterTopics(config, specs, 'plan') : [] }
}

function viewOf(
  { topic, partitions, retentionMs, isCompacted }: TopicSpec,
  plan: readonly TopicChange[] | undefined,
): TopicView {
  const changes = (plan ?? []).filter((change) => change.topic === topic)
  const standing =
    plan === undefined
      ? 'own'
      : changes.length === 0
        ? 'as declared'
        : changes[0]!.change === 'create'
          ? 'missing'
          : 'differs'
  return { topic, partitions, retentionMs: retentionMs ?? null, compacted: isCompacted === true, standing, changes }
}

const listText = (topics: readonly TopicView[]): string =>
  table<TopicView>(
    [
      { title: 'topic', cell: (row) => row.topic },
      { title: 'partitions', cell: (row) => String(row.partitions), right: true },
      {
        title: 'kept',
        cell: (row) => (row.retentionMs === null ? 'for ever' : duration(row.retentionMs)),
        right: true,
      },
      { title: 'compacted', cell: (row) => (row.compacted ? 'yes' : 'no') },
      {
        title: 'in the cluster',
        cell: (row) =>
          [
            row.standing === 'own' ? '-' : row.standing,
            ...row.changes.filter(({ change }) => change !== 'create').map(differenceText),
          ].join(': '),
      },
    ],
    topics,
  )

/** What differs, without the topic's name. */
export const differenceText = (change: TopicChange): string =>
  change.change === 'create'
    ? 'is missing'
    : change.change === 'refuse'
      ? `${change.partitions} partitions, not ${change.wanted}`
      : `${change.setting} is ${change.from ?? 'not set'}, not ${change.to}`

function changeText(change: TopicChange, dry: boolean, terminal: Terminal): string {
  switch (change.change) {
    case 'create':
      return `${dry ? 'would create' : 'created'} ${change.topic}: ${change.partitions} ${change.partitions === 1 ? 'partition' : 'partitions'}, ${Object.entries(
        change.settings,
      )
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`
    case 'set':
      return (
        `${dry ? 'would set' : 'set'} ${change.topic}: ${change.setting}=${change.to} (was ` +
        `${change.from ?? 'not set'})`
      )
    case 'refuse':
      return (
        `${styled(terminal, 'out', 'red', 'refused')} ${change.topic}: it has ${change.partitions} partitions, ` +
        `${change.wanted} are declared`
      )
  }
}
