import { tmpdir } from 'node:os'
import { pathToFileURL } from 'node:url'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { packagePath } from '../../config/load.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'
import {
  measurements,
  producerLingerMs,
  workload,
  type Benchmarks,
  type BenchOptions,
  type Measurements,
} from './benchmarks.js'

const whole = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}

/** `kafka=123,redis=456` */
function besideOption(text: string): BenchOptions['beside'] & object {
  const pairs = text.split(',').map((pair) => /^(\w+)=(\d+)$/.exec(pair.trim()))
  if (pairs.includes(null)) throw new InvalidArgumentError('It must be names with process ids: kafka=123,redis=456.')
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, Number(pair![2])]))
}

/** The median of each figure over the runs, and every run. */
export interface Measured {
  readonly name: string
  readonly median: Readonly<Record<string, number | boolean>>
  readonly runs: readonly Readonly<Record<string, unknown>>[]
}

export function benchCommand(parent: Command, terminal: Terminal): void {
  parent
    .command('bench')
    .summary('measure throughput, latency, CPU and memory')
    .description(
      'Runs the workload of bench/ in separate processes and prints the median of each figure. See bench/README.md.',
    )
    .addOption(
      new Option(
        '--preset <name>',
        'what to measure; with cluster, the servers of the environment or of --config, and no engine may use them',
      )
        .choices(['embedded', 'cluster'])
        .default('embedded'),
    )
    .option('--config <file>', 'configuration file that names the servers of the cluster (TIDEMILL_CONFIG)')
    .addOption(new Option('--only <measurement>', 'run only this measurement').choices(measurements))
    .option('--runs <number>', 'number of runs of each measurement', whole, 3)
    .option('--events <number>', 'number of events of a backlog', whole, workload.events)
    .option('--warmup <seconds>', 'seconds at the start that the latencies leave out', whole, 10)
    .option('--seconds <seconds>', 'seconds of a latency measurement', whole, 30)
    .option(
      '--linger <ms>',
      'how long the producer collects events for a request, in a latency measurement on a cluster',
      whole,
      producerLingerMs,
    )
    .option(
      '--beside <pids>',
      'also measure the CPU of these processes, on a cluster (Linux): kafka=123,redis=456',
      besideOption,
    )
    .addOption(
      new Option('--directory <directory>', 'directory for the data of the runs').default(
        tmpdir(),
        "the system's folder for temporary files",
      ),
    )
    .option('--json', 'print JSON instead of text')
    .action(async (options: BenchOptions & { readonly json?: boolean }) => {
      const results = await measureAll(options, terminal)
      if (options.json === true)
        await printJson(terminal, {
          workload: { events: options.events, scoreSum: workload.scoreSum },
          measured: results,
        })
      else for (const result of results) await print(terminal, `\n${result.name}\n${figures(result)}`)
      if (results.some(({ runs }) => runs.some((run) => run['scoreSumAgrees'] === false)))
        throw new CommandFailed(exits.check, `the sum of the scores is not ${workload.scoreSum}`)
    })
}

async function measureAll(options: BenchOptions, terminal: Terminal): Promise<Measured[]> {
  const results: Measured[] = []
  for (const [kind, name, once] of await measurementsOf(options, terminal.interrupted)) {
    if (options.only !== undefined && options.only !== kind) continue
    const runs: Record<string, unknown>[] = []
    for (let run = 1; run <= options.runs; run++) {
      printMessage(terminal, `${name}: run ${run} of ${options.runs} ...`)
      runs.push((await once()) as Record<string, unknown>)
    }
    results.push({ name, median: medians(runs), runs })
  }
  return results
}

/** Imported when needed, so that the other commands start without the benchmarks. */
async function measurementsOf(options: BenchOptions, signal: AbortSignal): Promise<Measurements> {
  const { benchmarks } = (await import(pathToFileURL(packagePath('dist/bench/measurements.js')).href)) as {
    readonly benchmarks: Benchmarks
  }
  return options.preset === 'cluster' ? benchmarks.onCluster(options, signal) : benchmarks.embedded(options, signal)
}

function medians(runs: readonly Readonly<Record<string, unknown>>[]): Record<string, number | boolean> {
  const out: Record<string, number | boolean> = {}
  for (const [figure, value] of Object.entries(runs[0]!)) {
    if (typeof value === 'boolean') out[figure] = runs.every((run) => run[figure] === true)
    if (typeof value !== 'number') continue
    const sorted = runs.map((run) => run[figure] as number).sort((a, b) => a - b)
    const middle = sorted.length >> 1
    out[figure] = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  }
  return out
}

const shown = (value: unknown): string =>
  typeof value === 'number'
    ? Math.abs(value) >= 100
      ? Math.round(value).toLocaleString('en-US')
      : value.toFixed(2)
    : String(value)

function figures({ median, runs }: Measured): string {
  const rows = Object.keys(median).map((figure) => ({
    figure,
    median: shown(median[figure]),
    runs: runs.map((run) => shown(run[figure])).join('  '),
  }))
  return table(
    [
      { title: 'figure', cell: (row) => row.figure },
      { title: 'median', cell: (row) => row.median, right: true },
      { title: 'runs', cell: (row) => row.runs },
    ],
    rows,
  )
}
