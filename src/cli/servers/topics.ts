import type { Command } from 'commander'
import { loadConfig, type Config } from '../../config/load.js'
import type { TopicChange, TopicSpec } from '../../compose/tasks.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { configured, givenSettings } from '../terminal/options.js'
import { duration, print, printJson, printMessage, styled, table, type Terminal } from '../terminal/terminal.js'

interface TopicsOptions {
  readonly config?: string
  readonly json?: boolean
}

/** How a topic of a cluster compares with its declaration; `own` with the embedded preset, which has no cluster. */
type Standing = 'as declared' | 'missing' | 'differs' | 'own'

/** A declared topic, and the changes that it needs. */
interface TopicView {
  readonly topic: string
  readonly partitions: number
  /** Null keeps records for ever. */
  readonly retentionMs: number | null
  readonly compacted: boolean
  readonly standing: Standing
  readonly changes: readonly TopicChange[]
}

const ownTopics = "The embedded engine creates its topics at start; 'tidemill topics' is for the preset 'cluster'."

export function topicsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('topics')
    .summary('list and create the topics that an engine needs in Kafka')
    .description(
      'Compares the topics of the streams and of the engine itself with the cluster: partitions, retention and ' +
        'compaction. No engine needs to run.',
    )
  const located = (command: Command): Command =>
    configured(
      command,
      ['preset', 'kafka.brokers', 'streams.builtin', 'streams.paths'],
      'configuration file that names brokers and streams (TIDEMILL_CONFIG)',
    )

  const list = located(group.command('list'))
    .summary('list the declared topics and how the cluster differs')
    .action(async (options: TopicsOptions) => {
      const { config, specs, plan } = await planOf(list, options, terminal)
      const topics = specs.map((spec) => viewOf(spec, config.preset === 'cluster' ? plan : undefined))
      if (options.json === true) return printJson(terminal, { preset: config.preset, topics })
      if (config.preset === 'embedded') printMessage(terminal, ownTopics)
      await print(terminal, listText(topics))
    })

  const apply = located(group.command('apply'))
    .summary('create missing topics, set what differs')
    .description(
      'Creates missing topics and sets retention and compaction where they differ. Other settings stay unchanged, ' +
        'and repeating it changes nothing. When a number of partitions differs it changes nothing (exit code 5), ' +
        'because the state depends on that number. Waits up to two minutes while brokers are busy, and prints ' +
        'why. Repeated after a failure, it continues where it stopped.',
    )
    .option('--dry-run', 'only print what would be done')
    .action(async (options: TopicsOptions & { dryRun?: boolean }) => {
      const { config, specs, plan } = await planOf(apply, options, terminal)
      const refused = plan.filter(({ change }) => change === 'refuse')
      const dry = options.dryRun === true || refused.length > 0
      const { clusterTopics } = await import('../../compose/tasks.js')
      const changes = dry || plan.length === 0 ? plan : await clusterTopics(config, specs, 'apply', waitsOn(terminal))
      if (options.json === true) await printJson(terminal, { preset: config.preset, applied: !dry, changes })
      else if (config.preset === 'embedded') printMessage(terminal, ownTopics)
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
          `${refused.length} of ${specs.length} topics cannot be changed in place, so the command changed nothing: ` +
            'keep the number of partitions, or give the stream a new topic',
        )
    })
}

async function planOf(
  command: Command,
  options: TopicsOptions,
  terminal: Terminal,
): Promise<{ config: Config; specs: readonly TopicSpec[]; plan: readonly TopicChange[] }> {
  const config = loadConfig({
    flags: { ...givenSettings(command), 'demo.enabled': false },
    servers: ['kafka'],
    ...(options.config !== undefined && { configPath: options.config }),
  })
  const { clusterTopics, topicsOf } = await import('../../compose/tasks.js')
  const specs = await topicsOf(config)
  return {
    config,
    specs,
    plan: config.preset === 'cluster' ? await clusterTopics(config, specs, 'plan', waitsOn(terminal)) : [],
  }
}

/** Prints what the command waits for, each reason once. */
function waitsOn(terminal: Terminal): (what: string) => void {
  const printed = new Set<string>()
  return (what) => {
    if (!printed.has(what)) printMessage(terminal, what)
    printed.add(what)
  }
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

/** Describes a difference, without the topic's name. */
export const differenceText = (change: TopicChange): string =>
  change.change === 'create'
    ? 'is missing'
    : change.change === 'refuse'
      ? `${change.partitions} partitions, not ${change.wanted}`
      : `${change.setting} is ${change.from ?? 'not set'}, not ${change.to}`

function createdText({ topic, partitions, settings }: TopicChange & { change: 'create' }, dry: boolean): string {
  const values = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return (
    `${dry ? 'would create' : 'created'} ${topic}: ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, ` +
    values.join(' ')
  )
}

function changeText(change: TopicChange, dry: boolean, terminal: Terminal): string {
  switch (change.change) {
    case 'create':
      return createdText(change, dry)
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
