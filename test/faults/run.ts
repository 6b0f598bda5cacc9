import { parseArgs } from 'node:util'
import { faults } from './all.js'
import { breaks, isBreak, type BreakName } from './breaks.js'
import type { Fault, Preset, Size } from './fault.js'
import { runInLanes, type Finished } from './lanes.js'
import { runRow, type Row } from './row.js'
import { serversMissing } from './servers.js'

const usage = `npm run test:faults -- [options]
  --large          the large size: hours
  --only NAMES     these faults alone, comma-separated: kill, kill/cluster
  --preset NAME    on this preset alone: embedded or cluster
  --break NAME     without a protection: the faults that need it must fail
  --seed NUMBER    another seed chooses other moments and victims
  --lanes NUMBER   faults that run at once (default 2)
  --json           the result as JSON on stdout
  --list           names the faults and the protections
`

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    large: { type: 'boolean', default: false },
    only: { type: 'string' },
    preset: { type: 'string' },
    break: { type: 'string' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    row: { type: 'string' },
  },
})

const misused = (message: string): never => {
  process.stderr.write(`${message}\n\n${usage}`)
  process.exit(2)
}

function list(): void {
  const lines = [
    ...faults.map(({ name, what, presets }) => `${name.padEnd(20)} ${what} (${presets.join(', ')})`),
    '',
    ...Object.entries(breaks).map(
      ([name, { what }]) =>
        `--break ${name.padEnd(20)} ${what}; fails ${faults
          .filter(({ proves }) => proves.includes(name as BreakName))
          .map((fault) => fault.name)
          .join(', ')}`,
    ),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** The faults that were asked for, each on each of its presets. */
function rowsAsked(size: Size, without: BreakName | undefined): readonly Row[] {
  const names = values.only?.split(',')
  const known = faults.flatMap(({ name, presets }) => [name, ...presets.map((preset) => `${name}/${preset}`)])
  const unknown = names?.find((name) => !known.includes(name))
  if (unknown !== undefined) misused(`There is no fault '${unknown}'.`)
  const wanted = ({ name, proves }: Fault, preset: Preset): boolean => {
    if (values.preset !== undefined && values.preset !== preset) return false
    return names === undefined
      ? without === undefined || proves.includes(without)
      : names.includes(name) || names.includes(`${name}/${preset}`)
  }
  const asked = faults.flatMap((fault) =>
    fault.presets
      .filter((preset) => wanted(fault, preset))
      .map((preset): Row => ({ fault: fault.name, preset, size, seed: Number(values.seed), without })),
  )
  // The longest first, so that lanes end together.
  const patienceMs = ({ fault }: Row): number => faults.find(({ name }) => name === fault)!.patienceMs[size]
  return asked.sort((a, b) => patienceMs(b) - patienceMs(a))
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)

function print({ row, outcome, elapsedMs }: Finished): void {
  const figures = Object.entries(outcome.figures).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? value.toLocaleString('en-US') : value}`,
  )
  const text = [
    `${outcome.violations.length === 0 ? 'ok    ' : 'FAILED'} ${`${row.fault} ${row.preset}`.padEnd(20)} ` +
      `${figures.join(', ')} (${seconds(elapsedMs)} s)`,
    ...outcome.violations.map((violation) => `       ${violation}`),
  ]
  process[values.json ? 'stderr' : 'stdout'].write(`${text.join('\n')}\n`)
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(usage)
  if (values.list) return list()
  const without = values.break
  if (without !== undefined && !isBreak(without)) return misused(`There is no protection '${without}'.`)
  if (values.preset !== undefined && !['embedded', 'cluster'].includes(values.preset))
    return misused(`There is no preset '${values.preset}'.`)
  const asked = rowsAsked(values.large ? 'large' : 'small', without)
  const lacking = serversMissing()
  const rows = asked.filter(({ preset }) => preset === 'embedded' || lacking.length === 0)
  const finished = await runInLanes(rows, Number(values.lanes), print)
  const failed = finished.filter(({ outcome }) => outcome.violations.length > 0).length
  const skipped = asked.length - rows.length
  if (skipped > 0)
    process.stderr.write(`\n!!! NOT RUN: ${skipped} faults on the cluster preset: ${lacking.join('; ')}\n`)
  if (values.json) {
    const report = {
      size: values.large ? 'large' : 'small',
      seed: Number(values.seed),
      without: without ?? null,
      faults: finished.map(({ row: { fault, preset }, outcome, elapsedMs }) => {
        return { fault, preset, ok: outcome.violations.length === 0, elapsedMs, ...outcome }
      }),
      passed: finished.length - failed,
      failed,
      skipped,
    }
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  }
  process[values.json ? 'stderr' : 'stdout'].write(
    `\n${finished.length - failed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
  )
  process.exitCode = failed > 0 || (skipped > 0 && process.env['CI'] === 'true') ? 1 : 0
}

/** A fault runs in a process of its own: its outcome is the last line of its standard output. */
async function asRow(text: string): Promise<void> {
  const row = JSON.parse(text) as Row
  const outcome = await runRow(row, (message) => process.stderr.write(`${row.fault} ${row.preset}: ${message}\n`))
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0))
}

await (values.row === undefined ? main() : asRow(values.row))
