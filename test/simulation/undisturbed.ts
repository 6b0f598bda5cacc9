import type { Decided } from '../../src/consumers/control/decision.js'
import { decodeChunk, type Tenants } from '../../src/consumers/ground/decode.js'
import { foldChunk, scoreChunk } from '../../src/consumers/scoring/folded-chunk.js'
import { openPartitionGate } from '../../src/consumers/scoring/partition-gate.js'
import type { LogRecord, Offset } from '../../src/log/event-log.js'
import { emptyRouting, withChampion, type Routing } from '../../src/scorers/routing.js'
import type { MemoryLog } from './memory-log.js'
import type { MemoryBlob } from './memory-state-store.js'
import { modelOf, scoreOf } from './models.js'
import { clocksKey, decodeClocks } from '../../src/features/memory/clocks.js'
import { resultOf, type Result } from './reading.js'
import { badShare, seenIds, sometimes, stream, tenants } from './stream.js'
import { controlTopic } from '../../src/consumers/ground/topic-names.js'

/** What one partition gives when nothing goes wrong. */
export interface Undisturbed {
  readonly results: ReadonlyMap<Offset, Result>
  readonly dead: ReadonlyMap<Offset, { readonly record: LogRecord; readonly code: string; readonly reason: string }>
  readonly blobs: ReadonlyMap<string, MemoryBlob>
  readonly deleted: ReadonlySet<string>
  /** Event time; what expired before it may be gone. */
  readonly clockMs: number
  /** Event time; a sweep may have dropped what expired before it, when other tenants had no confirmed time yet. */
  readonly sweptMs: number
}

/** The latest confirmed time of the tenants. */
const latestMs = (clocks: Buffer | undefined): number =>
  Math.max(-Infinity, ...(clocks === undefined ? [] : decodeClocks(clocks)).map(({ confirmedMs }) => confirmedMs))

type Routed = Decided<'activate'> | Decided<'deactivate'>
type Known = Decided<'admit'> | Decided<'withdraw'>

/** Which model serves whom after so many records of the control topic. */
export function routingsOf(log: MemoryLog): (position: Offset) => Routing {
  const { records } = log.partition(controlTopic)
  const ids = new Set<string>()
  // An append that was repeated leaves a decision twice, under one id; older records have none.
  const decisions = records.flatMap(({ offset, value }) => {
    const decision = JSON.parse(value!.toString()) as Routed | Known
    const isRepeated = ids.has(decision.id)
    if (decision.id !== undefined) ids.add(decision.id)
    return isRepeated || !isRouted(decision) ? [] : [{ offset, decision }]
  })
  return (position) => {
    let routing: Routing = emptyRouting
    for (const { offset, decision } of decisions) {
      if (offset >= position) break
      routing = withChampion(
        routing,
        decision.family,
        decision.scope,
        decision.kind === 'activate' ? servingOf(decision) : undefined,
      )
    }
    return { ...routing, position }
  }
}

const isRouted = (decision: Routed | Known): decision is Routed =>
  decision.kind === 'activate' || decision.kind === 'deactivate'

/** Which tenants are known after so many records of the control topic. */
export function tenantsOf(log: MemoryLog): (position: Offset) => Tenants {
  const decisions = log.partition(controlTopic).records.flatMap(({ offset, value }) => {
    const decision = JSON.parse(value!.toString()) as Routed | Known
    return isRouted(decision) ? [] : [{ offset, kind: decision.kind }]
  })
  return (position) => {
    const last = decisions.findLast(({ offset }) => offset < position)
    return new Set([...tenants, ...(last?.kind === 'admit' ? [sometimes] : [])])
  }
}

function servingOf(decision: Decided<'activate'>) {
  const { manifest, model } = modelOf(decision)
  const { width } = stream.plan
  const run = async (vectors: Float32Array, rows: number): Promise<Float32Array> =>
    Float32Array.from({ length: rows }, (_, row) => scoreOf(model.id, vectors.subarray(row * width, (row + 1) * width)))
  return {
    version: manifest.version,
    session: { id: model.id, width, run },
    thresholds: stream.stream.risk,
    typical: new Float32Array(width).fill(NaN),
  }
}

/**
 * Folds and scores the records of a partition one by one, in memory, with the routing and the tenants that each is said
 * to have had: no chunks, no cache that is too small, no store, no crash.
 */
export async function undisturbed(
  partition: number,
  records: readonly LogRecord[],
  routingOf: (offset: Offset) => Routing,
  knownAt: (position: Offset) => Tenants,
): Promise<Undisturbed> {
  const state = stream.plan.open(1_000_000, seenIds)
  const line = await openPartitionGate({
    at: { topic: stream.topics.events, partition },
    rule: badShare,
    accepted: () => [],
    last: -1,
    covered: -1,
    state,
    load: async () => undefined,
  })
  const results = new Map<Offset, Result>()
  const dead = new Map<Offset, { record: LogRecord; code: string; reason: string }>()
  for (const record of records) {
    const routing = routingOf(record.offset)
    const decoded = decodeChunk(stream, knownAt(routing.position), [record])
    for (let keys = state.missing(decoded.events); keys.length > 0; keys = state.missing(decoded.events))
      state.admit(
        keys,
        keys.map(() => undefined),
      )
    line.take([record], decoded)
    for (const letter of decoded.dead) dead.set(record.offset, letter)
    const block = await scoreChunk(
      stream,
      routing,
      foldChunk(stream, state, decoded, record.offset - 1, record.offset),
      1,
    )
    if (block.rows > 0) results.set(record.offset, resultOf(block, 0))
  }
  const { puts, deletes, clockMs } = line.state.takeDirty()
  return {
    results,
    dead,
    clockMs,
    sweptMs: latestMs(puts.find(({ key }) => key === clocksKey)?.blob),
    deleted: new Set(deletes),
    blobs: new Map(puts.map(({ key, blob, expiresAtMs }) => [key, { blob, expiresAtMs }])),
  }
}
