/** Escapes text for HTML and SVG. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

export interface Cell {
  readonly text: string
  /** Aligned to the right. */
  readonly number?: true
  readonly className?: string
}

export const words = (text: string): Cell => ({ text })
export const figure = (text: string): Cell => ({ text, number: true })

const attributes = ({ number, className }: Cell): string => {
  const names = [number === true ? 'number' : '', className ?? ''].filter((name) => name !== '')
  return names.length === 0 ? '' : ` class="${names.join(' ')}"`
}

/** A table with a caption; the first cell of a row is its heading. */
export function tableOf(caption: string, titles: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const head = titles.map((title) => `<th scope="col"${attributes(title)}>${escaped(title.text)}</th>`).join('')
  const cellsOf = (cells: readonly Cell[]): string =>
    cells.map((cell) => `<td${attributes(cell)}>${escaped(cell.text)}</td>`).join('')
  const body = rows
    .map(([first, ...rest]) => `<tr><th scope="row">${escaped(first!.text)}</th>${cellsOf(rest)}</tr>`)
    .join('\n')
  return (
    `<div class="scroll"><table><caption>${escaped(caption)}</caption><thead><tr>${head}</tr></thead><tbody>\n` +
    `${body}\n</tbody></table></div>`
  )
}

export const whole = (value: number): string => value.toLocaleString('en-US')
/** A number such as a share, with four digits. */
export const fraction = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(4)
export const percent = (part: number, all: number): string => (all === 0 ? '–' : `${((100 * part) / all).toFixed(1)} %`)
/** 2026-01-05 08:00:00 UTC. */
export const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
