import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { backlog } from './backlog.js'
import { cpuAnEvent } from './figures.js'
import { latency } from './latency.js'
import { withServers } from './servers.js'
import { openBroker, topics, workloadOf } from './topics.js'

/** @typedef {import('./plan.js').Step} Step @typedef {import('./figures.js').Row} Row */

/**
 * @typedef {object} How
 * @property {number} events Of a backlog.
 * @property {number} warmSeconds
 * @property {number} seconds
 * @property {number} lingerMs Of the driver.
 * @property {number} deadlineMs No run begins after it.
 * @property {(line: string) => void} say
 */

/**
 * Runs the steps one after another beside servers of their own, and gives each result as it comes. @param {readonly
 * Step[]} steps @param {How} how @param {(row: Row) => Promise<void>} take
 */
export async function runSteps(steps, how, take) {
  for (const engine of new Set(steps.map((step) => step.engine))) {
    how.say(`building ${engine.name} ...`)
    await engine.build()
  }
  await withServers(async (servers) => {
    const broker = await openBroker(servers.broker)
    try {
      let isFilled = false
      let isWarm = false
      for (const { measurement, engine, run } of steps) {
        if (Date.now() > how.deadlineMs) return
        how.say(`${measurement.name}: ${engine.name}, run ${run} ...`)
        if (!isWarm) await warm(broker)
        isWarm = true
        if (measurement.rate === undefined && !isFilled) await broker.fill(how.events)
        isFilled = measurement.rate === undefined
        const name = `compare_${randomBytes(6).toString('hex')}`
        const directory = join(servers.directory, name)
        await mkdir(directory)
        /** @type {import('./engine.js').Run} */
        const one = {
          kind: measurement.rate === undefined ? 'backlog' : 'latency',
          name,
          directory,
          broker: servers.broker,
          input: topics.events,
          output: topics.predictions,
          servers: servers.variables,
        }
        const figures = await figuresOf({ measurement, engine, run }, one, broker, servers.pids, how)
        await rm(directory, { recursive: true, force: true })
        await take({ measurement: measurement.name, engine: engine.name, run, figures })
      }
    } finally {
      await broker.close()
    }
  })
}

/**
 * @param {Step} step @param {import('./engine.js').Run} one @param {import('./topics.js').Broker} broker @param
 * {Readonly<Record<string, number>>} pids @param {How} how
 */
async function figuresOf({ measurement: { rate }, engine }, one, broker, pids, { events, seconds, lingerMs, ...how }) {
  if (rate === undefined) {
    const { cpuSeconds, ...figures } = await backlog(engine, one, broker, events, pids)
    return { ...figures, ...cpuAnEvent(cpuSeconds, events) }
  }
  const pace = { rate, lingerMs, warmSeconds: Math.max(how.warmSeconds, engine.warmSeconds ?? 0), seconds }
  const { cpuSeconds, ...figures } = await latency(engine, one, broker, pace, pids)
  return { ...figures, ...cpuAnEvent(cpuSeconds, rate * seconds) }
}

const warmAppends = 5_000

/**
 * A broker that has just started is slow, and the engine that comes first would pay for it: it takes and gives many
 * small records before anything is measured. @param {import('./topics.js').Broker} broker
 */
async function warm(broker) {
  await broker.empty()
  const complete = new AbortController()
  let count = 0
  const reading = broker.read(topics.events, () => void (++count === warmAppends && complete.abort()), complete.signal)
  for (const { partition, record } of workloadOf(warmAppends))
    await broker.log.append({ topic: topics.events, partition }, [record])
  await reading
}
