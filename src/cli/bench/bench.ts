import { tmpdir } from 'node:os'
import { pathToFileURL } from 'node:url'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { packagePath } from '../../config/load.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { print, printJson, say, table, type Terminal } from '../terminal/terminal.js'
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
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number above 0 is needed')
  return value
}

/** `kafka=123,redis=456` */
function besideOption(text: string): BenchOptions['beside'] & object {
  const pairs = text.split(',').map((pair) => /^(\w+)=(\d+)$/.exec(pair.trim()))
  if (pairs.includes(null)) throw new InvalidArgumentError('names with process ids are needed: kafka=123,redis=456')
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, Number(pair![2])]))
}

/** The median of each figure over the runs; every run stands beside it. */
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
      'Runs the workload of bench/ in processes of their own and prints the median of each figure: see ' +
        'bench/README.md.',
    )
    .addOption(
      new Option(
        '--preset <name>',
        'which adapters carry the engine; the servers of a cluster are those of the environment or of ' +
          '--config, and must be without an engine',
      )
        .choices(['embedded', 'cluster'])
        .default('embedded'),
    )
    .option('--config <file>', 'the configuration that names the servers of a cluster (TIDEMILL_CONFIG)')
    .addOption(new Option('--only <measurement>', 'one of them').choices(measurements))
    .option('--runs <number>', 'runs of each measurement', whole, 3)
    .option('--events <number>', 'events of a backlog', whole, workload.events)
    .option('--warmup <seconds>', 'left out of the latencies', whole, 10)
    .option('--seconds <seconds>', 'length of a latency measurement', whole, 30)
    .option(
      '--linger <ms>',
      'how long the producer of a latency measurement on a cluster gathers events for a request',
      whole,
      producerLingerMs,
    )
    .option(
      '--beside <pids>',
      "processes whose CPU is told beside the engine's on a cluster (Linux): kafka=123,redis=456",
      besideOption,
    )
    .addOption(
      new Option('--directory <directory>', 'where the data of the runs goes').default(
        tmpdir(),
        "the system's folder for temporary files",
      ),
    )
    .option('--json', 'print JSON instead of a table')
    .action(async (options: BenchOptions & { readonly json?: boolean }) => {
      const results = await measureAll(options, terminal)
      if (options.json === true)
        await printJson(terminal, {
          workload: { events: options.events, scoreSum: workload.scoreSum },
          measured: results,
        })
      else for (const result of results) await print(terminal, `\n${result.name}\n${figures(result)}`)
      if (results.some(({ runs }) => runs.some((run) => run['scoreSumAgrees'] === false)))
        throw new CommandFailed(exits.check, `the scores do not sum to ${workload.scoreSum}`)
    })
}

async function measureAll(options: BenchOptions, terminal: Terminal): Promise<Measured[]> {
  const results: Measured[] = []
  for (const [kind, name, once] of await measurementsOf(options, terminal.interrupted)) {
    if (options.only !== undefined && options.only !== kind) continue
    const runs: Record<string, unknown>[] = []
    for (let run = 1; run <= options.runs; run++) {
      say(terminal, `${name}: run ${run} of ${options.runs} ...`)
      runs.push((await once()) as Record<string, unknown>)
    }
    results.push({ name, median: medians(runs), runs })
  }
  return results
}

/** The benchmarks are loaded when they are asked for, so that the other commands start without them. */
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
