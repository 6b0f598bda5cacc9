import type { Hazards } from './hazards.js'
import type { MemoryState } from './memory-state-store.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'
import type { World } from './world.js'

/** What befalls the world as a whole, beside what befalls single calls. Ends when the hazards are calm. */
export function befall(
  world: World,
  { hazards, random, timeline }: { readonly hazards: Hazards; readonly random: Random; readonly timeline: Timeline },
): void {
  const { log, state, network } = world.servers
  const snapshots: ReadonlyMap<string, MemoryState>[] = []
  const anyEngine = (): World['engines'][number] | undefined =>
    world.engines.length === 0 ? undefined : random.pick(world.engines)

  const misfortunes: readonly (() => void)[] = [
    () =>
      strike('crash', 0.25, (ordinal) => {
        const engine = anyEngine()
        if (engine === undefined) return
        hazards.met('crash', engine.process.name, ordinal)
        world.crash(engine.process)
      }),
    () =>
      strike('two owners', 0.5, () => {
        const engine = anyEngine()
        if (engine !== undefined) world.silence(engine, random.between(100, 3_000))
      }),
    () =>
      strike('paused process', 0.4, (ordinal) => {
        const engine = anyEngine()
        if (engine === undefined || engine.process.paused) return
        const lengthMs = random.between(100, 3_000)
        hazards.met('paused process', `${engine.process.name} for ${Math.round(lengthMs)} ms`, ordinal)
        world.pause(engine, lengthMs)
      }),
    () =>
      strike('rebalance', 0.6, (ordinal) => {
        hazards.met('rebalance', '', ordinal)
        world.rebalance()
      }),
    () =>
      strike('clock jump', 0.5, (ordinal) => {
        const engine = anyEngine()
        if (engine === undefined) return
        const jumpMs = random.between(-2_000, 5_000)
        hazards.met('clock jump', `${engine.process.name} by ${Math.round(jumpMs)} ms`, ordinal)
        engine.process.skewMs += jumpMs
      }),
    () =>
      strike('flushed state', 0.3, (ordinal) => {
        hazards.met('flushed state', '', ordinal)
        state.restore(new Map())
      }),
    () => {
      if (snapshots.length < 5 || random.chance(0.3)) snapshots.push(state.snapshot())
    },
    () =>
      strike('rolled-back state', 0.4, (ordinal) => {
        if (snapshots.length === 0) return
        hazards.met('rolled-back state', '', ordinal)
        state.restore(random.pick(snapshots))
      }),
    // The store forgets who took over while the one before stands still: it comes back to a store that knows it.
    () =>
      strike('rolled-back state', 0.5, (ordinal) => {
        const engine = anyEngine()
        if (engine === undefined || engine.process.paused) return
        const before = random.chance(0.7) ? state.snapshot() : new Map<string, MemoryState>()
        const lengthMs = random.between(800, 2_500)
        hazards.met('paused process', `${engine.process.name} for ${Math.round(lengthMs)} ms`, ordinal)
        world.pause(engine, lengthMs)
        timeline.after(lengthMs * random.between(0.6, 1), () => {
          if (hazards.isCalm) return
          hazards.met(before.size === 0 ? 'flushed state' : 'rolled-back state', '')
          state.restore(before)
        })
      }),
    // State is lost, somebody takes over what is empty, and then a person restores a copy of it.
    () =>
      strike('flushed state', 0.3, (ordinal) => {
        if (snapshots.length === 0) return
        hazards.met('flushed state', '', ordinal)
        state.restore(new Map())
        timeline.after(random.between(20, 600), () => {
          if (hazards.isCalm) return
          hazards.met('rolled-back state', '')
          state.restore(random.pick(snapshots))
        })
      }),
    () =>
      strike('offsets with holes', 0.9, (ordinal) => {
        const topic = random.pick(log.topics)
        const at = { topic, partition: random.below(log.partitionsOf(topic)) }
        hazards.met('offsets with holes', `${topic}/${at.partition}`, ordinal)
        log.skip(at, 1 + random.below(3))
      }),
    () =>
      strike('outage', 0.3, (ordinal) => {
        const server = random.pick(['log', 'state', 'warehouse'] as const)
        const lengthMs = random.between(50, 1_500)
        hazards.met('outage', `${server} for ${Math.round(lengthMs)} ms`, ordinal)
        network.outage(server, lengthMs)
      }),
  ]

  function strike(hazard: Parameters<Hazards['strikes']>[0], chance: number, happens: (ordinal: number) => void): void {
    const ordinal = hazards.strikes(hazard, chance)
    if (ordinal !== undefined) happens(ordinal)
  }

  const next = (): void =>
    timeline.after(random.between(10, 120), () => {
      if (hazards.isCalm) return
      random.pick(misfortunes)()
      next()
    })
  next()
}
