import { clientEnvironment } from './config/load.js'
import { run } from './cli/program.js'
import type { Terminal } from './cli/terminal/terminal.js'

/** The process of a command: its signals, its pipes and its exit. */
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(130)
    interrupted.abort()
  })
}

// `tidemill predictions list | head` closes the pipe early. That is not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
    throw error
  })
}

const terminal: Terminal = {
  in: process.stdin,
  out: process.stdout,
  err: process.stderr,
  colour: clientEnvironment().colour,
  interrupted: interrupted.signal,
}
process.exitCode = await run(process.argv.slice(2), terminal)

// A finished command leaves nothing open. If a native library still does, the process exits anyway.
setTimeout(() => process.exit(), 2_000).unref()
