// Checks that this machine can start the servers of a benchmark, before anything is built. Exit 4 when it cannot.
import { clickhouse } from '../scripts/services/clickhouse.js'
import { missing } from '../scripts/services/cluster.js'
import { kafka } from '../scripts/services/kafka.js'
import { redis } from '../scripts/services/redis.js'

const lacking = missing([kafka, redis, clickhouse])
for (const one of lacking) process.stderr.write(`${one}\n`)
if (lacking.length > 0) process.exitCode = 4
