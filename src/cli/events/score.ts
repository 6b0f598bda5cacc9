import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ScoreFileOptions, ScoreSummary } from '../../contracts/score-file.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { inputOf, linesOf } from '../terminal/lines.js'
import { progressOn } from '../terminal/progress.js'
import { count, duration, print, printJson, printMessage, styled, type Terminal } from '../terminal/terminal.js'

interface ScoreCommandOptions {
  readonly stream: string
  readonly in: string
  readonly out: string
  readonly streams?: string
  readonly model?: string
  readonly models?: string
  readonly features?: boolean
  readonly json?: boolean
}

export function scoreCommand(parent: Command, terminal: Terminal): void {
  parent
    .command('score')
    .summary('score a file of events, without a running engine')
    .description(
      'Runs the whole path (log, features, model, blocks) over a file, in a temporary directory. Writes predictions ' +
        'in the order of the events, one JSON object per line.',
    )
    .requiredOption('--stream <name>', 'stream of the events')
    .requiredOption('--in <file>', "NDJSON file, one event per line; '-' is standard input")
    .option('--out <file>', "file for the predictions; '-' is standard output", '-')
    .option('--streams <paths>', 'your own streams: files or directories, separated by commas')
    .option(
      '--model <file>',
      "an ONNX file, a version of the stream's family, or 'heuristic_v1'; default: the demo model of the stream",
    )
    .option(
      '--models <directory>',
      'directory of the model families; choose one with --model (default: the package, and its demo models)',
    )
    .option('--features', 'add the feature vector to every prediction')
    .option('--json', 'print the summary as JSON')
    .action(async (options: ScoreCommandOptions) => {
      const { scoreFile } = await import('../../compose/score-file.js')
      const input = inputOf(options.in, terminal)
      if (options.in !== '-') await once(input, 'open')
      const output = await outputTo(options.out, terminal)
      const progress = progressOn(terminal, 'events scored')
      try {
        const summary = await scoreFile({
          ...choices(options),
          lines: linesOf(input),
          write: output.write,
          report: (message) => printMessage(terminal, message),
          signal: terminal.interrupted,
          onProgress: (done) => progress.update(done),
        })
        progress.end()
        await output.close()
        await report(summary, options, terminal)
        if (terminal.interrupted.aborted)
          throw new CommandFailed(exits.interrupted, 'interrupted; the predictions so far are written')
        if (summary.modelErrors !== undefined) throw new CommandFailed(exits.check, errorsText(summary.modelErrors))
      } finally {
        progress.end()
      }
    })
}

const choices = (
  options: ScoreCommandOptions,
): Pick<ScoreFileOptions, 'stream' | 'streams' | 'features' | 'model' | 'modelsDirectory'> => ({
  stream: options.stream,
  streams: (options.streams ?? '')
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== ''),
  features: options.features === true,
  ...(options.model !== undefined && { model: options.model }),
  ...(options.models !== undefined && { modelsDirectory: options.models }),
})

interface Output {
  readonly write: (text: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** Opens the output before anything is scored, so that a path that cannot be written fails at once. */
async function outputTo(path: string, terminal: Terminal): Promise<Output> {
  if (path === '-') return { write: (text) => print(terminal, text), close: async () => undefined }
  const file = await open(path, 'w')
  return { write: (text) => file.appendFile(text), close: () => file.close() }
}

/** Prints the summary to standard output, unless the predictions go there. */
async function report(summary: ScoreSummary, options: ScoreCommandOptions, terminal: Terminal): Promise<void> {
  for (const { line, code, message } of summary.firstDeadLetters)
    printMessage(terminal, `${styled(terminal, 'err', 'red', `line ${line}:`)} ${message} [${code}]`)
  if (options.json === true && options.out === '-') printMessage(terminal, JSON.stringify(summary))
  else if (options.json === true) await printJson(terminal, summary)
  else printMessage(terminal, summaryText(summary))
}

const errorsText = ({ rows, problem }: NonNullable<ScoreSummary['modelErrors']>): string =>
  `the model failed on ${count(rows)} events, and the heuristic scored them: ${problem}`

function summaryText(summary: ScoreSummary): string {
  const { risks, predictions } = summary
  const share = (part: number): string => (predictions === 0 ? '' : ` (${((100 * part) / predictions).toFixed(1)} %)`)
  const reasons = Object.entries(summary.deadLetterReasons).map(([code, times]) => `${count(times)} ${code}`)
  return [
    `${summary.stream}: ${count(summary.events)} events in ${duration(summary.elapsedMs)}, ` +
      `${count(summary.eventsPerSecond)}/s, scored by ${summary.version}`,
    `  predictions  ${count(predictions)}: low ${count(risks.low)}, medium ${count(risks.medium)}, high ` +
      `${count(risks.high)}${share(risks.high)}; sum of scores ${summary.scoreSum.toFixed(3)}`,
    `  duplicates   ${count(summary.duplicates)}`,
    `  late         ${count(summary.late)}`,
    `  dead letters ${count(summary.deadLetters)}${reasons.length === 0 ? '' : `: ${reasons.join(', ')}`}`,
  ].join('\n')
}
