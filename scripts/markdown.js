/** Helpers of the pages in docs/reference that scripts generate. */

const width = 120

/** Escapes text for a table cell. @type {(text: string) => string} */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** @type {(text: string) => string} */
export const code = (text) => `\`${text}\``

/** @type {(cells: readonly string[]) => string} */
export const row = (cells) => `| ${cells.map(cell).join(' | ')} |`

/**
 * Breaks the lines of paragraphs and lists at 120 characters. Tables, headings and indented code stay as they are. No
 * new line begins with a word that Markdown would read as a list or a heading.
 * @param {string} markdown
 */
export function wrapped(markdown) {
  return markdown
    .split('\n')
    .flatMap((line) => (/^(\||#| {4}|<!--)/.test(line) ? [line] : brokenLine(line)))
    .join('\n')
}

/** @param {string} line */
function brokenLine(line) {
  const indent = line.startsWith('* ') ? '  ' : ''
  /** @type {string[]} */
  const lines = []
  let current = ''
  // Spaces within a code span have an odd number of backticks behind them.
  for (const word of line.split(/ (?=(?:[^`]*`[^`]*`)*[^`]*$)/)) {
    const longer = current === '' ? word : `${current} ${word}`
    if (longer.length > width && current.trim() !== '' && !/^([-+*#>]+|\d+[.)])$/.test(word)) {
      lines.push(current)
      current = `${indent}${word}`
    } else current = longer
  }
  return [...lines, current]
}
