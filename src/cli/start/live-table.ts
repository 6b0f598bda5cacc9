import { createLogUpdate } from 'log-update'
import { systemClock } from '../../base/clock.js'
import type { EngineSnapshot, StreamSnapshot } from '../../contracts/engine.js'
import type { Risks } from '../../contracts/risks.js'
import { count, duration, milliseconds, styled, table, type Column, type Terminal } from '../terminal/terminal.js'

/** The live table of `tidemill start`. */
export interface Live {
  show(snapshot: EngineSnapshot): void
  /** Prints a line that stays, above the table. */
  line(text: string): void
  /** Stops drawing; the last table stays. */
  end(): void
}

interface LiveColumn extends Column<StreamSnapshot> {
  /** A terminal that is too narrow shows the table without this column; those with a small number go first. */
  readonly leaves?: number
}

const columns: readonly LiveColumn[] = [
  { title: 'stream', cell: (row) => row.name },
  { title: 'events/s', cell: (row) => count(row.eventsPerSecond), right: true },
  { title: 'p50 ms', cell: (row) => milliseconds(row.p50Ms), right: true, leaves: 3 },
  { title: 'p95 ms', cell: (row) => milliseconds(row.p95Ms), right: true },
  { title: 'lag', cell: (row) => count(row.lagRecords), right: true },
  { title: 'low', cell: (row) => count(row.risks.low), right: true, leaves: 2 },
  { title: 'medium', cell: (row) => count(row.risks.medium), right: true, leaves: 4 },
  { title: 'high', cell: (row) => count(row.risks.high), right: true },
  { title: 'model version', cell: (row) => row.version },
  { title: 'duplicates', cell: (row) => count(row.duplicates), right: true, leaves: 1 },
  { title: 'dead letters', cell: (row) => count(row.deadLetters), right: true },
]

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const scored = (risks: Risks): number => risks.low + risks.medium + risks.high

const warehouse = (snapshot: EngineSnapshot): string =>
  snapshot.warehouseUp
    ? 'warehouse ' +
      (snapshot.warehouseLagRecords === 0 ? 'up to date' : `${count(snapshot.warehouseLagRecords)} records behind`)
    : 'warehouse unreachable, scoring continues'

/** Rebuilds and stopped partitions, one text each. */
const troubles = ({ rebuilds, stops }: EngineSnapshot): readonly string[] => [
  ...rebuilds.map(
    ({ stream, partition, isRebuild, recordsDone, records, etaMs }) =>
      `${isRebuild ? 'rebuilding' : 'catching up'} ${stream}/${partition}: ${count(recordsDone)} of ` +
      `${count(records)} records${etaMs === undefined ? '' : `, ${duration(etaMs)} left`}`,
  ),
  ...(stops.length === 0
    ? []
    : [
        `${count(stops.length)} ${stops.length === 1 ? 'partition is' : 'partitions are'} stopped: see ` +
          'tidemill partitions list',
      ]),
]

/** The lines of the table with as many columns as fit into `width`. */
function fitted(streams: readonly StreamSnapshot[], width: number): readonly string[] {
  let shown = columns
  for (;;) {
    const lines = table(shown, streams).trimEnd().split('\n')
    const next = Math.min(...shown.map(({ leaves = Infinity }) => leaves))
    if (next === Infinity || lines.every((line) => line.length <= width))
      return lines.map((line) => line.slice(0, width))
    shown = shown.filter(({ leaves }) => leaves !== next)
  }
}

/** The parts that fit into one line of `width`, the first ones first. */
function joined(parts: readonly string[], width: number): string {
  let line = ''
  for (const part of parts) {
    const longer = line === '' ? part : `${line}   ${part}`
    if (longer.length > width) break
    line = longer
  }
  return line
}

/** The table: one line per stream, no wider than the terminal. */
export function liveTable(snapshot: EngineSnapshot, terminal: Terminal): string {
  const width = terminal.err.columns ?? 120
  const [titles, ...rows] = fitted(snapshot.streams, width)
  const status = [
    `up ${duration(snapshot.uptimeMs)}`,
    `${count(sum(snapshot.streams.map((row) => row.eventsPerSecond)))} events/s`,
    `${count(sum(snapshot.streams.map((row) => scored(row.risks))))} predictions`,
    warehouse(snapshot),
    'Ctrl-C stops',
  ]
  const wrong = troubles(snapshot).map((line) => styled(terminal, 'err', 'yellow', line.slice(0, width)))
  return [
    '',
    styled(terminal, 'err', 'bold', titles ?? ''),
    ...rows,
    '',
    ...wrong,
    styled(terminal, 'err', 'dim', joined(status, width)),
    '',
  ].join('\n')
}

/** The snapshot in one line, for a log file. */
export function summaryLine(snapshot: EngineSnapshot): string {
  const streams = snapshot.streams.map((row) => {
    const high = scored(row.risks) === 0 ? '' : `, high ${((100 * row.risks.high) / scored(row.risks)).toFixed(1)} %`
    const dead = row.deadLetters === 0 ? '' : `, dead letters ${count(row.deadLetters)}`
    return (
      `${row.name} ${count(row.eventsPerSecond)}/s, p95 ${milliseconds(row.p95Ms)} ms, lag ` +
      `${count(row.lagRecords)}${high}${dead}, ${row.version}`
    )
  })
  return [`up ${duration(snapshot.uptimeMs)}`, ...streams, warehouse(snapshot), ...troubles(snapshot)].join(' | ')
}

/** On a terminal, redraws the table; elsewhere, prints one line with its time for every tenth snapshot. */
export function liveOn(terminal: Terminal): Live {
  if (terminal.err.isTTY !== true) {
    let snapshots = 0
    return {
      show: (snapshot) => {
        if (snapshots++ % 10 === 0)
          terminal.err.write(`${new Date(systemClock.nowMs()).toISOString()} ${summaryLine(snapshot)}\n`)
      },
      line: (text) => void terminal.err.write(`${text}\n`),
      end: () => undefined,
    }
  }
  const draw = createLogUpdate(terminal.err)
  let last = ''
  return {
    show: (snapshot) => draw((last = liveTable(snapshot, terminal))),
    line: (text) => {
      draw.clear()
      terminal.err.write(`${text}\n`)
      if (last !== '') draw(last)
    },
    end: () => draw.done(),
  }
}
