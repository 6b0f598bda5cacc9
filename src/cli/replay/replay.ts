import { writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import type { Command } from 'commander'
import { packageVersion } from '../../config/load.js'
import type { Certificate, Results } from '../../consumers/replay/certify/certificate.js'
import { besideEngine, newRunId, replaySettings } from '../client/beside-engine.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { durationOption, everySetting, timeOption } from '../terminal/options.js'
import { progressBarOn } from '../terminal/progress-bar.js'
import { liveReplays } from './live.js'
import { count, print, printJson, styled, type Terminal } from '../terminal/terminal.js'

interface CertifyOptions {
  readonly stream: string
  readonly from?: number
  readonly to?: number
  readonly warmUp?: number
  readonly out?: string
  readonly config?: string
  readonly json?: boolean
}

export function replayCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('replay')
    .summary('certify that a replay equals what was served, or replace served predictions')
    .description(
      'Replays events of the log with the models that served them, or replaces served predictions with those of a ' +
        'backtest. Works with or without a running engine.',
    )

  const certify = everySetting(group.command('certify'), replaySettings)
    .summary('compare the digests of the served results and of their replay')
    .description(
      'Folds and scores the events again, each with the model of its control position, and compares every ' +
        'prediction, duplicate notice, late flag and dead letter bit for bit. Prints the first difference; exit code ' +
        '5 when there is one.',
    )
    .requiredOption('--stream <name>', 'the stream')
    .option(
      '--from <time>',
      'log time of the first event (ISO 8601, a date, or epoch ms); default: the beginning of the log',
      timeOption,
    )
    .option('--to <time>', 'end of the log time, exclusive; default: after the last served event', timeOption)
    .option(
      '--warm-up <duration>',
      'time to fold before the first event; default: the longest horizon plus the lateness',
      durationOption,
    )
    .option('--out <file>', 'also write the certificate to this file, as JSON')
    .option('--config <file>', 'configuration file of the engine of the log (TIDEMILL_CONFIG)')
    .option('--json', 'print the certificate as JSON')
    .action(async (options: CertifyOptions) => {
      const certificate = await certificateOf(certify, options, terminal)
      if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(certificate, undefined, 2)}\n`)
      await (options.json === true
        ? printJson(terminal, certificate)
        : print(terminal, certificateText(certificate, terminal)))
      if (!certificate.equal) throw new CommandFailed(exits.check, differenceText(certificate))
    })

  liveReplays(group, terminal)
}

async function certificateOf(
  command: Command,
  { stream, from, to, warmUp, config: path }: CertifyOptions,
  terminal: Terminal,
): Promise<Certificate> {
  const config = besideEngine(command, path)
  const [{ certify }, { withReplay }, { streamNamed }] = await Promise.all([
    import('../../consumers/replay/certify/certify.js'),
    import('../../compose/replays.js'),
    import('../../streams/choose.js'),
  ])
  const bar = progressBarOn(terminal, 'replaying')
  try {
    const request = {
      stream: await streamNamed(config.streams, stream),
      fromMs: from,
      toMs: to,
      warmMs: warmUp,
      id: `certify-${newRunId()}`,
      build: packageVersion(),
      cpu: arch(),
    }
    const certificate = await withReplay(
      config,
      { signal: terminal.interrupted, onProgress: (progress) => bar.update(progress) },
      (parts) => certify(request, parts),
    )
    if (certificate === undefined) throw new CommandFailed(exits.interrupted, 'interrupted; there is no certificate')
    return certificate
  } finally {
    bar.end()
  }
}

function certificateText(
  { stream, partitions, served, replayed, givenUp, equal }: Certificate,
  terminal: Terminal,
): string {
  const offsets = partitions
    .map(({ partition, from, to }) => `${partition}: ${count(from)} to ${count(to - 1)}`)
    .join(', ')
  const line = (name: string, { digest, predictions, duplicates, late, deadLetters }: Results): string =>
    `${name.padEnd(9)} ${digest}\n          ${count(predictions)} predictions, ${count(late)} of them late, ` +
    `${count(duplicates)} duplicates, ${count(deadLetters)} dead letters`
  const lines = [
    `${stream}, offsets ${offsets}`,
    line('served', served),
    line('replayed', replayed),
    ...(givenUp === 0 ? [] : [`${count(givenUp)} results are left out: an operator accepted them as lost`]),
    equal ? styled(terminal, 'out', 'green', 'equal') : styled(terminal, 'out', 'red', 'not equal'),
  ]
  return `${lines.join('\n')}\n`
}

function differenceText({ firstDifference: first, stream }: Certificate): string {
  if (first === null) return 'the digests differ, but no result does: this is a bug in the certificate'
  const side = (value: string | number | null): string => (value === null ? 'nothing' : String(value))
  return (
    `the replay of ${stream} differs from what was served, first at offset ${first.offset} of partition ` +
    `${first.partition}: ${first.field} was ${side(first.served)}, the replay has ${side(first.replayed)}`
  )
}
