import { systemClock } from '../../../src/base/clock.js'
import { openLocalLog } from '../../../src/log/local/log.js'

/** Appends without end from concurrent loops and prints the offset of each record when it is acknowledged. */
const [directory = ''] = process.argv.slice(2)
const log = await openLocalLog({ directory, clock: systemClock, segmentBytes: 100_000 })
await log.ensure({ topic: 'events', partitions: 1 })

async function appendForEver(hand: number): Promise<void> {
  for (let n = 0; ; n++) {
    const value = Buffer.from(`${process.pid}-${hand}-${n}-`.padEnd(100 + ((n * 131) % 900), 'x'))
    const offset = await log.append({ topic: 'events', partition: 0 }, [{ key: null, value }])
    process.stdout.write(`${offset} ${value.toString()}\n`)
  }
}

await Promise.all([0, 1, 2, 3].map(appendForEver))
