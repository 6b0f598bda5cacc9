import { writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import type { Command } from 'commander'
import { packageVersion } from '../../config/load.js'
import type { Certificate, Results } from '../../consumers/replay/certificate.js'
import { besideEngine, newRunId, replaySettings } from '../client/beside-engine.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { durationOption, settingFlags, timeOption } from '../terminal/options.js'
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
    .summary('prove that a replay gives what was served, or put other predictions in its place')
    .description(
      'Replays events of the log by the models that served them, and puts predictions of backtests in the ' +
        'place of served ones; beside a running engine or without one.',
    )

  const certify = settingFlags(group.command('certify'), replaySettings)
    .summary('compare the digests of what was served and of its replay')
    .description(
      'Folds and scores the events again, each by the model that its control position names, and compares ' +
        'every prediction, duplicate notice, late flag and dead letter. Exit code 5 and the first difference ' +
        'where one is not the same, bit for bit.',
    )
    .requiredOption('--stream <name>', 'the stream')
    .option(
      '--from <time>',
      'log time of the first event (ISO 8601, a date, or epoch ms); default: the beginning',
      timeOption,
    )
    .option('--to <time>', 'log time before which events lie; default: what is served by now', timeOption)
    .option(
      '--warm-up <duration>',
      'fold so much before the first event, instead of the longest horizon and the lateness',
      durationOption,
    )
    .option('--out <file>', 'write the certificate here, as JSON')
    .option('--config <file>', 'the configuration of the engine that the log belongs to (TIDEMILL_CONFIG)')
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
    import('../../consumers/replay/certify.js'),
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
    if (certificate === undefined) throw new CommandFailed(exits.interrupted, 'interrupted; nothing is certified')
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
  return (
    `${stream}, offsets ` +
    `${offsets}\n${line('served', served)}\n${line('replayed', replayed)}\n${givenUp === 0 ? '' : `${count(givenUp)} results were accepted as lost and are left out\n`}${equal ? styled(terminal, 'out', 'green', 'equal') : styled(terminal, 'out', 'red', 'not equal')}\n`
  )
}

function differenceText({ firstDifference: first, stream }: Certificate): string {
  if (first === null) return 'the digests differ, though no result does: this is a defect of the certificate'
  const side = (value: string | number | null): string => (value === null ? 'nothing' : String(value))
  return (
    `the replay of ${stream} is not what was served, first at offset ${first.offset} of partition ` +
    `${first.partition}: ${first.field} was ${side(first.served)}, the replay gives ${side(first.replayed)}`
  )
}
