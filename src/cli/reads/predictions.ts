import { Option, type Command } from 'commander'
import { keySeparator } from '../../base/keys.js'
import type { StoredOutcome } from '../../contracts/outcomes.js'
import type { PredictionRow } from '../../contracts/predictions.js'
import { riskLevels } from '../../contracts/risks.js'
import { limits } from '../../base/limits.js'
import { connect, type Client } from '../client/client.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { durationOption, numberWithin } from '../terminal/options.js'
import { print, printJson, printMessage, styled, table, type Column, type Terminal } from '../terminal/terminal.js'

/** A stored prediction in the API's answer: instants as text. */
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
  { title: 'score', cell: (row) => row.score?.toFixed(3) ?? '-', right: true },
  { title: 'risk', cell: (row) => row.risk },
  { title: 'version', cell: (row) => row.version },
  { title: 'outcome', cell: (row) => (row.outcome === null ? '-' : `${row.outcome.label} (${row.outcome.source})`) },
  { title: 'event', cell: (row) => (row.origin === 'api' ? `${row.event_id} (API)` : row.event_id) },
  { title: 'reasons', cell: (row) => row.reasons.join(' ') },
]

export function predictionsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('predictions')
    .summary('read stored predictions and their outcomes')
    .description('Reads stored predictions with their latest outcome. They are about a second behind the log.')
  reads(talksToEngine(group.command('list')))
    .summary('list predictions, newest first')
    .option('--stream <name>', 'only of this stream')
    .addOption(new Option('--risk <level>', 'only of this risk level').choices(riskLevels))
    .option(
      '--entity <id...>',
      "only of this entity, the stream's first; several parts for an entity of several columns",
    )
    .option('--tenant <id>', "only of this tenant (for operator keys; a tenant's key reads its own)")
    .option('--model-version <version>', 'only scored by this version')
    .option('--from <time>', 'only with this event time or later (ISO 8601, a date, or epoch ms)')
    .option('--to <time>', 'only with an earlier event time')
    .option('--limit <rows>', 'print at most this many', numberWithin(1, 1_000_000), 20)
    .action(async (options: ListOptions) => {
      const page = await find(await connect(options, terminal.interrupted), options)
      if (options.json === true) return printJson(terminal, page)
      if (page.predictions.length === 0) return printMessage(terminal, 'no predictions')
      await print(terminal, table(columns, page.predictions))
      if (page.next !== null)
        printMessage(terminal, styled(terminal, 'err', 'dim', `there are more; --limit is ${options.limit}`))
    })
  reads(talksToEngine(group.command('get')))
    .summary('show the predictions of one event')
    .argument('<event-id>')
    .option('--tenant <id>', 'only of this tenant (for operator keys)')
    .option(
      '--wait <duration>',
      'wait for the prediction of an event that was just sent: 10s, at most 30s',
      durationOption,
    )
    .action(async (eventId: string, options: ReadOptions & { tenant?: string; wait?: number }) => {
      const client = await connect(options, terminal.interrupted)
      const found = (await client.get(`/api/v2/predictions/${encodeURIComponent(eventId)}`, {
        tenant: options.tenant,
        ...(options.wait !== undefined && { wait: options.wait / 1_000 }),
      })) as Pick<Page, 'predictions'>
      await (options.json === true ? printJson(terminal, found) : print(terminal, table(columns, found.predictions)))
    })
}

/** Reads pages until there are as many rows as the limit. */
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
