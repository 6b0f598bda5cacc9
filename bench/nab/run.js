/** Scores events of the stream `infra-metric` with `tidemill score`. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'

/**
 * The command's summary, and its predictions with their features.
 * @param {readonly object[]} events
 * @param {string | undefined} model a model file instead of what serves
 */
export async function score(events, model) {
  const scratch = mkdtempSync(join(tmpdir(), 'tidemill-nab-'))
  const [input, output] = [join(scratch, 'events.ndjson'), join(scratch, 'predictions.ndjson')]
  try {
    writeFileSync(input, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    const summary = await tidemill([
      ...['score', '--stream', 'infra-metric', '--in', input, '--out', output, '--json', '--features'],
      ...(model === undefined ? [] : ['--model', model]),
    ])
    const lines = readFileSync(output, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
    return { summary, predictions: lines.map((line) => JSON.parse(line)) }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/**
 * What the command printed, parsed.
 * @param {string[]} args
 */
async function tidemill(args) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../dist/main.js', import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (piece) => (printed += piece))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`tidemill score ended with code ${code}`)
  return JSON.parse(printed)
}
