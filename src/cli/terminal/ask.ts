import { createInterface } from 'node:readline/promises'
import { CommandFailed, exits } from './exit.js'
import type { Terminal } from './terminal.js'

/** Asks a person and resolves when the answer is yes; without a person, or with another answer, nothing is done. */
export async function askFirst(terminal: Terminal, question: string): Promise<void> {
  if (terminal.in.isTTY !== true)
    throw new CommandFailed(exits.usage, `${question} Nobody is here to ask: say --yes if that is meant`)
  const asking = createInterface({ input: terminal.in, output: terminal.err })
  try {
    const answer = await asking.question(`${question} Type yes to go on: `, { signal: terminal.interrupted })
    if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailed(exits.failed, 'nothing was done')
  } finally {
    asking.close()
  }
}
