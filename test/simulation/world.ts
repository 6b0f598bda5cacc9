import { ensureTopics } from '../../src/consumers/ground/topics.js'
import { isEngineError, messageOf } from '../../src/base/errors.js'
import { startEngine, type EngineSettings, type SimulatedEngine } from './engine.js'
import type { Hazards } from './hazards.js'
import { MemoryLog } from './memory-log.js'
import { MemoryStateStore } from './memory-state-store.js'
import { MemoryWarehouse } from './memory-warehouse.js'
import { Network } from './network.js'
import type { Servers } from './ports.js'
import { SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import { stream } from './stream.js'
import type { Timeline } from './timeline.js'
import type { Trace } from './trace.js'

export interface WorldOptions {
  readonly timeline: Timeline
  readonly hazards: Hazards
  readonly trace: Trace
  readonly random: Random
  readonly engines: number
  readonly settings: EngineSettings
}

/** A silent member is given up after so long. */
const sessionMs = { from: 150, to: 900 } as const
const restartMs = { from: 50, to: 1_200 } as const

/** Servers and the engines on them: engines crash, fall silent and come back. */
export class World {
  readonly servers: Servers
  /** Why an engine stopped that may not stop. */
  readonly stopped: string[] = []
  readonly #options: WorldOptions
  readonly #engines = new Map<string, SimulatedEngine>()

  constructor(options: WorldOptions) {
    const { timeline, hazards, trace, random } = options
    this.#options = options
    const network = new Network({ timeline, hazards, trace, random, crash: (process) => this.crash(process) })
    this.servers = {
      log: new MemoryLog(() => Math.floor(timeline.nowMs)),
      state: new MemoryStateStore(),
      warehouse: new MemoryWarehouse(),
      network,
      hazards,
      sends: new Map(),
      owners: new Map(),
    }
  }

  get engines(): readonly SimulatedEngine[] {
    return [...this.#engines.values()]
  }

  async open(): Promise<void> {
    await ensureTopics(this.servers.log, [stream], undefined)
    for (let i = 0; i < this.#options.engines; i++) this.#start(`engine-${i}`)
  }

  crash(process: SimulatedProcess): void {
    process.crash()
    const engine = this.#engines.get(process.name)
    if (engine?.process !== process) return
    this.#engines.delete(process.name)
    const { timeline, random } = this.#options
    timeline.after(random.between(sessionMs.from, sessionMs.to), () => leaveSeats(engine))
    timeline.after(random.between(restartMs.from, restartMs.to), () => this.#start(process.name))
  }

  /** The groups hear nothing of the engine for so long, and give its partitions to others meanwhile; it goes on. */
  silence(engine: SimulatedEngine, lengthMs: number): void {
    const { timeline } = this.#options
    leaveSeats(engine)
    timeline.after(lengthMs, () => {
      if (!engine.process.alive) return
      for (const { group, member } of engine.seats) void group.welcome(member)
    })
  }

  /** It stands still for so long, longer than its sessions last. */
  pause(engine: SimulatedEngine, lengthMs: number): void {
    const { timeline, random } = this.#options
    engine.process.pause(timeline.nowMs + lengthMs)
    timeline.after(random.between(0, lengthMs), () => {
      if (engine.process.alive) this.silence(engine, lengthMs)
    })
  }

  rebalance(): void {
    for (const group of new Set(this.engines.flatMap(({ seats }) => seats.map((seat) => seat.group)))) void group.turn()
  }

  #start(name: string): void {
    const { timeline, random, settings, hazards } = this.#options
    const process = new SimulatedProcess(name, timeline, true)
    process.skewMs = hazards.isCalm ? 0 : random.between(-500, 500)
    const engine = startEngine(process, this.servers, settings, random)
    this.#engines.set(name, engine)
    engine.failed.catch((error: unknown) => this.#ended(process, error))
  }

  /**
   * A process that ends for a dependency is started again; one that ends for a person is a violation, and so is a
   * defect.
   */
  #ended(process: SimulatedProcess, error: unknown): void {
    if (!process.alive) return
    this.#options.trace.note(process.name, 'ends', messageOf(error))
    if (!isEngineError(error) || error.disposition === 'stop')
      this.stopped.push(`${process.name} ended: ${endingOf(error)}`)
    this.crash(process)
  }
}

/** The code and message of an error of the engine; the stack of any other error. */
function endingOf(error: unknown): string {
  if (isEngineError(error)) return `${error.code}: ${error.message}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function leaveSeats({ seats }: SimulatedEngine): void {
  for (const { group, member } of seats) group.expel(member)
}
