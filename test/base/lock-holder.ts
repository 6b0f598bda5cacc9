import { lockDirectory } from '../../src/base/lock.js'

/** Takes the lock of a directory, prints whether it did, and then runs until it is killed. */
const [directory = ''] = process.argv.slice(2)
try {
  await lockDirectory(directory, { pid: process.pid, startedAt: new Date().toISOString() })
  process.stdout.write('held\n')
} catch (error) {
  process.stdout.write(`${error instanceof Error && 'code' in error ? String(error.code) : 'failed'}\n`)
}
setInterval(() => undefined, 60_000)
