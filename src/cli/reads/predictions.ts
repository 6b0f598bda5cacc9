import { Option, type Command } from 'commander'
import { keySeparator } from '../../base/keys.js'
import type { StoredOutcome } from '../../contracts/outcomes.js'
import type { PredictionRow } from '../../contracts/predictions.js'
import { riskLevels } from '../../contracts/risks.js'
import { limits } from '../../base/limits.js'
import { connect, type Client } from '../client/client.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import { print, printJson, say, styled, table, type Column, type Terminal } from '../terminal/terminal.js'

/** A stored prediction as the API shows it. */
interface Prediction extends Omit<PredictionRow, 'eventTimeMs' | 'recordTimeMs' | 'outcome'> {
  readonly event_time: string
  readonly record_time: string
  readonly outcome: (Omit<StoredOutcome, 'decidedAtMs'> & { readonly decided_at: string }) | null
}

interface Page {
  readonly predictions: readonly Prediction[]
  readonly next: string | null
}

interface ListOptions extends ReadOptions {
  readonly stream?: string
  readonly risk?: string
  readonly entity?: readonly string[]
  readonly tenant?: string
  readonly modelVersion?: string
  readonly from?: string
  readonly to?: string
  readonly limit: number
}

const columns: readonly Column<Prediction>[] = [
  { title: 'event time', cell: (row) => row.event_time.slice(0, 19) },
  { title: 'stream', cell: (row) => row.stream },
  { title: 'tenant', cell: (row) => row.tenant },
  { title: 'entity', cell: (row) => row.entity.replaceAll(keySeparator, ' ') },
  { title: 'score', cell: (row) => row.score.toFixed(3), right: true },
  { title: 'risk', cell: (row) => row.risk },
  { title: 'version', cell: (row) => row.version },
  { title: 'outcome', cell: (row) => (row.outcome === null ? '-' : `${row.outcome.label} (${row.outcome.source})`) },
  { title: 'event', cell: (row) => (row.origin === 'api' ? `${row.event_id} (API)` : row.event_id) },
  { title: 'reasons', cell: (row) => row.reasons.join(' ') },
]

export function predictionsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('predictions')
    .summary('what was predicted, and what came true')
    .description('Stored predictions with their latest outcome; about a second behind the log.')
  reads(talksToEngine(group.command('list')))
    .summary('newest first')
    .option('--stream <name>', 'of one stream')
    .addOption(new Option('--risk <level>', 'of one risk level').choices(riskLevels))
    .option(
      '--entity <id...>',
      "of one person, meter, user or series: the stream's first entity; several parts for an entity of several columns",
    )
    .option('--tenant <id>', "of one tenant (operator keys; a tenant's key sees its own)")
    .option('--model-version <version>', 'by one version')
    .option('--from <time>', 'event time from here on (ISO 8601, a date, or epoch ms)')
    .option('--to <time>', 'event time before this')
    .option('--limit <rows>', 'at most so many', numberWithin(1, 1_000_000), 20)
    .action(async (options: ListOptions) => {
      const page = await find(await connect(options, terminal.interrupted), options)
      if (options.json === true) return printJson(terminal, page)
      if (page.predictions.length === 0) return say(terminal, 'no predictions')
      await print(terminal, table(columns, page.predictions))
      if (page.next !== null)
        say(terminal, styled(terminal, 'err', 'dim', `there are more; --limit is ${options.limit}`))
    })
  reads(talksToEngine(group.command('get')))
    .summary('those of one event')
    .argument('<event-id>')
    .option('--tenant <id>', 'of one tenant (operator keys)')
    .action(async (eventId: string, options: ReadOptions & { tenant?: string }) => {
      const client = await connect(options, terminal.interrupted)
      const found = (await client.get(`/api/v2/predictions/${encodeURIComponent(eventId)}`, {
        tenant: options.tenant,
      })) as Pick<Page, 'predictions'>
      await (options.json === true ? printJson(terminal, found) : print(terminal, table(columns, found.predictions)))
    })
}

/** Follows the pages until there are as many rows as wanted. */
async function find(client: Client, options: ListOptions): Promise<Page> {
  const { stream, risk, tenant, modelVersion: version, from, to } = options
  const entity = options.entity?.join(keySeparator)
  const predictions: Prediction[] = []
  let cursor: string | undefined
  do {
    const limit = Math.min(limits.apiPage, options.limit - predictions.length)
    const page = (await client.get('/api/v2/predictions', {
      stream,
      risk,
      entity,
      tenant,
      version,
      from,
      to,
      limit,
      cursor,
    })) as Page
    predictions.push(...page.predictions)
    cursor = page.next ?? undefined
  } while (cursor !== undefined && predictions.length < options.limit)
  return { predictions, next: cursor ?? null }
}
