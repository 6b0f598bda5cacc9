import { readFileSync } from 'node:fs'
import { loadConfig } from '../../src/config/load.js'
import { kafkaTopicsOf, storesIn } from '../../src/compose/tasks.js'
import { CommandFailed, exits } from '../../src/cli/terminal/exit.js'
import { benchConfig, benchStream, type BenchPlace } from './setup.js'
import {
  apiPredictionsTopic,
  controlTopic,
  modelsTopic,
  outcomesTopic,
} from '../../src/consumers/ground/topic-names.js'

/**
 * Runs `work` on servers that no engine uses, and takes away what it made: topics, state, tables. Their topics have
 * fixed names, so servers that hold any of them are refused, before anything is written.
 */
export async function onServers<T>(where: BenchPlace, work: () => Promise<T>): Promise<T> {
  const config = benchConfig(where)
  const { stream, topics } = await benchStream()
  const made = [
    ...Object.values(topics),
    controlTopic.topic,
    modelsTopic.topic,
    outcomesTopic,
    apiPredictionsTopic.topic,
  ]
  const kafka = await kafkaTopicsOf(config)
  try {
    const taken = (await kafka.list()).filter((topic) => made.includes(topic))
    if (taken.length > 0)
      throw new CommandFailed(
        exits.configuration,
        `Kafka at ${config.kafka.brokers.join(', ')} holds topics of an engine already ` +
          `(${taken.join(', ')}), and a bench removes what it made: give it servers of its own`,
      )
    try {
      return await work()
    } finally {
      await kafka.remove(made)
      await dropState(where, stream)
      await dropTables(where)
    }
  } finally {
    await kafka.close()
  }
}

/** Claimed under another identity, the blobs of a partition are there to be swept. */
async function dropState(
  where: BenchPlace,
  { name, partitions }: { readonly name: string; readonly partitions: number },
): Promise<void> {
  const store = await storesIn(benchConfig(where)).openState()
  try {
    for (let partition = 0; partition < partitions; partition++) {
      const at = { stream: name, partition }
      const claimed = await store.claim(at, 'dropped', 0)
      while ((await store.sweep(at, claimed, -Infinity)) > 0);
    }
  } finally {
    await store.close()
  }
}

async function dropTables(where: BenchPlace): Promise<void> {
  const config = benchConfig(where)
  if (config.clickhouse.url === undefined) return
  const warehouse = await storesIn(config).openWarehouse()
  try {
    await warehouse.run(`DROP DATABASE IF EXISTS \`${config.clickhouse.database}\``)
  } finally {
    await warehouse.close()
  }
}

/** Throws BAD_CONFIG where the environment and the file do not name the servers of a cluster. */
export const checkServers = (configPath: string | undefined): void =>
  void loadConfig({ flags: { preset: 'cluster' }, ...(configPath === undefined ? {} : { configPath }) })

/** Processes beside the engine whose CPU is told too, by name. */
export type Beside = Readonly<Record<string, number>>

/** Linux counts a process' time in ticks of 10 ms, user and system in fields 14 and 15. */
const ticksPerSecond = 100

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** What `work` gives, and the CPU seconds of the processes meanwhile: `kafkaCpuSeconds`. */
export async function besides<T extends object>(
  beside: Beside,
  work: () => Promise<T>,
): Promise<T & Readonly<Record<string, number>>> {
  const before = Object.entries(beside).map(([name, pid]) => [name, pid, cpuSecondsOf(pid)] as const)
  const result = await work()
  const spent = before.map(([name, pid, seconds]) => [`${name}CpuSeconds`, cpuSecondsOf(pid) - seconds] as const)
  return Object.assign(Object.fromEntries(spent) as Record<string, number>, result)
}
