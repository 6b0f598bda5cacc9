import { createInterface } from 'node:readline/promises'
import { CommandFailed, exits } from './exit.js'
import type { Terminal } from './terminal.js'

/** Asks the user and resolves when the answer is yes. Throws for another answer, or when no user is at the terminal. */
export async function askFirst(terminal: Terminal, question: string): Promise<void> {
  if (terminal.in.isTTY !== true)
    throw new CommandFailed(exits.usage, `${question} There is no terminal to ask on; confirm with --yes`)
  const asking = createInterface({ input: terminal.in, output: terminal.err })
  try {
    const answer = await asking.question(`${question} Type yes to continue: `, { signal: terminal.interrupted })
    if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailed(exits.failed, 'nothing was done')
  } finally {
    asking.close()
  }
}
