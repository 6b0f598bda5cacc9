import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import { connect, failure, type Answer, type Client } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { batchesOf, inputOf, linesOf, type Line } from '../terminal/lines.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import { progressOn } from '../terminal/progress.js'
import { count, duration, printJson, printMessage, styled, type Terminal } from '../terminal/terminal.js'

interface ProduceOptions extends ReadOptions {
  readonly stream: string
  readonly batch: number
}

/** Half of the limit of a request, so that the envelope always fits. */
const batchBytes = limits.apiBodyBytes / 2
/** The command prints this many refused lines and only counts the others. */
const shownRefusals = 20

export function produceCommand(parent: Command, terminal: Terminal): void {
  reads(talksToEngine(parent.command('produce')))
    .summary('send events from a file or standard input')
    .description(
      'Sends NDJSON, one event per line, in order and in batches. When the engine answers a batch, its events are on ' +
        'disk. The command may be repeated: the engine scores each event_id once. Exit code 1 when it refuses an ' +
        'event.',
    )
    .argument('[file]', "NDJSON file; '-' is standard input", '-')
    .requiredOption('--stream <name>', 'stream of the events')
    .option('--batch <events>', 'number of events per request', numberWithin(1, limits.apiBatch), limits.apiBatch)
    .action(async (file: string, options: ProduceOptions) => {
      const client = await connect(options, terminal.interrupted)
      const summary = await produce(client, file, options, terminal)
      if (options.json === true) await printJson(terminal, summary)
      else
        printMessage(
          terminal,
          `${count(summary.accepted)} events acknowledged, ${count(summary.rejected)} refused, in ` +
            duration(summary.elapsedMs),
        )
      if (summary.rejected > 0)
        throw new CommandFailed(
          exits.failed,
          `${count(summary.rejected)} of ${count(summary.accepted + summary.rejected)} events were refused`,
        )
    })
}

interface Refused {
  readonly line: number
  readonly code: string
  readonly message: string
}

export interface ProduceSummary {
  readonly stream: string
  readonly accepted: number
  readonly rejected: number
  readonly elapsedMs: number
  readonly refused: readonly Refused[]
}

async function produce(
  client: Client,
  file: string,
  options: ProduceOptions,
  terminal: Terminal,
): Promise<ProduceSummary> {
  const startedMs = systemClock.nowMs()
  const progress = progressOn(terminal, 'events acknowledged')
  const path = `/api/v2/events/${encodeURIComponent(options.stream)}`
  const refused: Refused[] = []
  let accepted = 0
  let rejected = 0
  try {
    for await (const batch of batchesOf(linesOf(inputOf(file, terminal)), {
      records: options.batch,
      bytes: batchBytes,
    })) {
      terminal.interrupted.throwIfAborted()
      const refusals = await send(client, path, batch)
      for (const refusal of refusals) {
        if (refused.length < shownRefusals) {
          progress.end()
          printMessage(
            terminal,
            `${styled(terminal, 'err', 'red', `line ${refusal.line}:`)} ${refusal.message} [${refusal.code}]`,
          )
          refused.push(refusal)
        }
      }
      accepted += batch.length - refusals.length
      rejected += refusals.length
      progress.update(accepted)
    }
  } catch (error) {
    if (!terminal.interrupted.aborted) throw error
    throw new CommandFailed(
      exits.interrupted,
      `interrupted; the engine acknowledged ${count(accepted)} events. Repeat the command to send the rest`,
    )
  } finally {
    progress.end()
  }
  return { stream: options.stream, accepted, rejected, elapsedMs: systemClock.nowMs() - startedMs, refused }
}

/** Sends a batch. A line that is larger than any request is refused here, so that it does not end the command. */
async function send(client: Client, path: string, batch: readonly Line[]): Promise<readonly Refused[]> {
  const [first] = batch
  if (batch.length === 1 && first!.bytes.length > limits.apiBodyBytes)
    return [{ line: first!.number, code: 'TOO_LARGE', message: `the line has ${first!.bytes.length} bytes` }]
  const lines = batch.flatMap(({ bytes }, i) => (i === 0 ? [bytes] : [lineFeed, bytes]))
  return refusalsOf(batch, await client.post(path, Buffer.concat(lines), 'application/x-ndjson'))
}

const lineFeed = Buffer.from('\n')

interface Result {
  readonly error?: { readonly code: string; readonly message: string; readonly field?: string }
}

/** The lines of a batch that the engine refused; throws when it refused the whole batch. */
function refusalsOf(batch: readonly Line[], { status, body }: Answer): readonly Refused[] {
  const results = (body as { results?: readonly Result[] }).results
  if (results?.length !== batch.length) {
    if (status >= 200 && status < 300) return []
    throw failure(status, body)
  }
  return results.flatMap(({ error }, i) =>
    error === undefined ? [] : [{ line: batch[i]!.number, code: error.code, message: fieldFirst(error) }],
  )
}

/** The message with its field, without the engine's line number: that counts within the request, not the file. */
function fieldFirst({ field, message }: { readonly field?: string; readonly message: string }): string {
  const words = message.replace(/^line \d+: /, '')
  return field === undefined || words.includes(field) ? words : `${field}: ${words}`
}
