import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

/** Where a command reads and writes: data to `out`, messages to the user to `err`. */
export interface Terminal {
  readonly in: Readable & { readonly isTTY?: boolean }
  readonly out: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly err: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly colour: boolean
  /** Aborts on the first Ctrl-C or SIGTERM: stop cleanly. */
  readonly interrupted: AbortSignal
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Styles text when the stream shows styles. */
export const styled = (terminal: Terminal, stream: 'out' | 'err', style: Style, text: string): string =>
  terminal.colour && terminal[stream].isTTY === true ? styleText(style, text) : text

/** Writes data; waits while the reader is slower. */
export async function print(terminal: Terminal, text: string | Buffer): Promise<void> {
  if (!terminal.out.write(text)) await once(terminal.out, 'drain')
}

export const printJson = (terminal: Terminal, value: unknown): Promise<void> =>
  print(terminal, `${JSON.stringify(value, undefined, terminal.out.isTTY === true ? 2 : undefined)}\n`)

/** Prints one line for the user. */
export const printMessage = (terminal: Terminal, text: string): void => void terminal.err.write(`${text}\n`)

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  readonly right?: true
}

/** Rows under titles, each column as wide as its widest cell. Cells are plain text. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => column.cell(row)))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)))
  return (
    cells
      .map((line) =>
        line
          .map((cell, i) => (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
          .join('  ')
          .trimEnd(),
      )
      .join('\n') + '\n'
  )
}

/** Items with spaces between them, in as few lines of at most `width` characters as they need in this order. */
export function filled(items: readonly string[], width: number): readonly string[] {
  const lines = ['']
  for (const item of items) {
    const last = lines.at(-1)!
    if (last !== '' && last.length + item.length + 1 > width) lines.push(item)
    else lines[lines.length - 1] = last === '' ? item : `${last} ${item}`
  }
  return lines
}

/** 12,345. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US')

export const milliseconds = (value: number | undefined): string =>
  value === undefined ? '-' : value < 10 ? value.toFixed(1) : count(value)

/** 3 d 4 h, 5 min 6 s, 7.8 s. */
export function duration(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`
}
