/**
 * Draws the screen of a recorded terminal session as an SVG:
 *   script -qfc 'stty cols 118; npx tidemill start' session.txt
 *   node scripts/draw-terminal.js session.txt docs/terminal.svg
 * It leaves out the line that begins with `until` (default: Stopping) and all after it, and shortens keys.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const [from = '', to = '', until = 'Stopping'] = process.argv.slice(2)
const charWidth = 7.8
const lineHeight = 17
const styles = { 1: 'font-weight="bold"', 2: 'opacity="0.6"', 31: 'fill="#ff7b72"', 33: 'fill="#e3b341"' }

/** @typedef {{ text: string, style: string }} Cell */

/**
 * The screen at the end of the session. It follows the control sequences that move the cursor or erase a line.
 * @param {string} session
 */
function screenOf(session) {
  /** @type {Cell[][]} */
  const rows = [[]]
  let [row, column, style] = [0, 0, '']
  for (const [piece, , parameters = '', command] of session.matchAll(/(\p{Cc}\[([\d;?]*)([A-Za-z])|[\s\S])/gu)) {
    if (command === undefined) {
      if (piece === '\n') row++
      else if (piece === '\r') column = 0
      else if (piece >= ' ') (rows[row] ??= [])[column++] = { text: piece, style }
      rows[row] ??= []
    } else if (command === 'A') row = Math.max(0, row - Number(parameters || 1))
    else if (command === 'G') column = Number(parameters || 1) - 1
    else if (command === 'K') rows[row] = []
    else if (command === 'm') style = styles[/** @type {1} */ (Number(parameters))] ?? ''
  }
  return rows.map((cells) => Array.from(cells, (cell) => cell ?? { text: ' ', style: '' }))
}

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(' ', '\u00a0')

/** @param {Cell[]} cells */
function spans(cells) {
  /** @type {Cell[]} */
  const runs = []
  for (const cell of cells) {
    const last = runs.at(-1)
    if (last?.style === cell.style) last.text += cell.text
    else runs.push({ ...cell })
  }
  return runs.map(({ text, style }) => `<tspan ${style}>${escaped(text)}</tspan>`).join('')
}

/** @param {Cell[]} cells */
const textOf = (cells) =>
  cells
    .map(({ text }) => text)
    .join('')
    .trimEnd()

const lines = screenOf(readFileSync(from, 'utf8').replaceAll(/tm_[0-9a-f]{12}_[\w-]{43}/g, 'tm_...')).filter(
  (cells) => !/^Script (started|done)/.test(textOf(cells)),
)
const end = lines.findIndex((cells) => textOf(cells).startsWith(until))
const shown = lines.slice(0, end < 0 ? undefined : end)
while (shown.length > 0 && textOf(shown[0] ?? []) === '') shown.shift()
while (shown.length > 0 && textOf(shown.at(-1) ?? []) === '') shown.pop()
const width = Math.ceil(Math.max(...shown.map((cells) => textOf(cells).length)) * charWidth + 40)
const height = shown.length * lineHeight + 36
writeFileSync(
  to,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img"
  aria-label="The terminal while Tidemill runs">
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" fill="#e6edf3">
${shown.map((cells, i) => `<text x="20" y="${(i + 1) * lineHeight + 14}">${spans(cells)}</text>`).join('\n')}
</g>
</svg>
`,
)
