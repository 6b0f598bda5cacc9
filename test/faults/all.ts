import type { Fault } from './fault.js'
import { broker } from './rows/broker.js'
import { clickhouse } from './rows/clickhouse.js'
import { kill } from './rows/kill.js'
import { localLog } from './rows/local-log.js'
import { poison } from './rows/poison.js'
import { rebalance } from './rows/rebalance.js'
import { redis } from './rows/redis.js'
import { simulation } from './rows/simulation.js'
import { zombie } from './rows/zombie.js'

/** The rows of the table, in its order. */
export const faults: readonly Fault[] = [
  simulation,
  kill,
  zombie,
  rebalance,
  broker,
  redis,
  clickhouse,
  localLog,
  poison,
]
