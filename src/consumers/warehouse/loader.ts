import { concatMap, from, Observable, Subject, type OperatorFunction } from 'rxjs'
import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { patient } from '../ground/retry.js'

/** What one read of a partition gave for a table. */
export interface Piece<Data> {
  readonly rows: number
  readonly bytes: number
  readonly data: Data
  /** Called once the piece is stored, also when that is after its partition was taken away. */
  readonly onStored: () => void
}

export interface LoaderOptions<Data> {
  readonly table: Table
  /** All pieces as one insert. */
  readonly encode: (data: readonly Data[]) => Buffer
  readonly warehouse: Warehouse
  readonly clock: Clock
  /** When it aborts, a failing insert is given up instead of repeated. */
  readonly stopping: AbortSignal
  readonly onAnswered: () => void
  readonly onRetry: (error: unknown) => void
}

export interface Loader<Data> {
  /**
   * Resolves with true when the piece is stored. With false when `revoked` or a stop came before that: it may be stored
   * or not, and whoever reads the partition next repeats it. Rejects when the warehouse refuses the rows.
   */
  store(piece: Piece<Data>, revoked: AbortSignal): Promise<boolean>
  /** Takes nothing more; resolves when the insert under way has ended. */
  close(): Promise<void>
}

interface Waiting<Data> {
  readonly rows: number
  readonly bytes: number
  /**
   * Undefined once it is given up: what waits for nobody holds no rows, however often partitions change hands
   * meanwhile.
   */
  piece: Piece<Data> | undefined
  readonly settle: (stored: boolean) => void
  readonly fail: (error: unknown) => void
}

/**
 * Below this many rows an insert costs what it costs whatever is in it; such ones take at most this share of the time.
 */
const small = { rows: 2_000, share: 0.1 }

/**
 * Gathers what the partitions of a table give into inserts, one at a time. Each partition has one piece here at most,
 * so what is held is bounded by the reads, however long the warehouse is away.
 */
export function openLoader<Data>({
  table,
  encode,
  warehouse,
  clock,
  stopping,
  onAnswered,
  onRetry,
}: LoaderOptions<Data>): Loader<Data> {
  const pieces = new Subject<Waiting<Data>>()
  const patientWarehouse = patient(warehouse, ['insert'], { clock, signal: stopping, onRetry })
  let delayMs: number = limits.insertDelayMs

  async function insert(batch: readonly Waiting<Data>[]): Promise<void> {
    const wanted = batch.flatMap(({ piece, settle, fail }) => (piece === undefined ? [] : [{ ...piece, settle, fail }]))
    if (wanted.length === 0) return
    try {
      const startMs = clock.nowMs()
      const native = encode(wanted.map(({ data }) => data))
      await patientWarehouse.insert(table, native)
      const rows = wanted.reduce((sum, piece) => sum + piece.rows, 0)
      delayMs =
        rows < small.rows
          ? Math.min(Math.max(limits.insertDelayMs, (clock.nowMs() - startMs) / small.share), limits.insertDelayMaxMs)
          : limits.insertDelayMs
      onAnswered()
      for (const { onStored, settle } of wanted) {
        onStored()
        settle(true)
      }
    } catch (error) {
      // Given up for the stop, and no failure: the partitions may hear of it a moment later than this.
      const isGivenUp = stopping.aborted && isEngineError(error) && error.disposition === 'retry'
      for (const { settle, fail } of wanted) {
        if (isGivenUp) settle(false)
        else fail(error)
      }
    }
  }

  const finished = new Promise<void>((resolve) => {
    const bound = { rows: limits.insertRows, bytes: limits.insertBytes }
    pieces
      .pipe(
        batchwise(bound, () => clock.sleep(delayMs, stopping)),
        concatMap((batch) => from(insert(batch))),
      )
      .subscribe({ complete: resolve })
  })

  return {
    store(piece, revoked) {
      if (revoked.aborted) return Promise.resolve(false)
      // No function here may refer to `piece` itself: what refers to `waiting` would hold its rows.
      const { promise, settle, fail } = promised<boolean>()
      const waiting: Waiting<Data> = { rows: piece.rows, bytes: piece.bytes, piece, settle, fail }
      const giveUp = (): void => {
        waiting.piece = undefined
        settle(false)
      }
      revoked.addEventListener('abort', giveUp)
      pieces.next(waiting)
      return promise.finally(() => revoked.removeEventListener('abort', giveUp))
    },
    close: () => {
      pieces.complete()
      return finished
    },
  }
}

function promised<Value>(): {
  readonly promise: Promise<Value>
  readonly settle: (value: Value) => void
  readonly fail: (error: unknown) => void
} {
  let settle!: (value: Value) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<Value>((resolve, reject) => ([settle, fail] = [resolve, reject]))
  return { promise, settle, fail }
}

/** Lists of items: closed when they reach the bound, or when `delay`, begun with the first of them, has passed. */
function batchwise<Item extends { readonly rows: number; readonly bytes: number }>(
  bound: { readonly rows: number; readonly bytes: number },
  delay: () => Promise<void>,
): OperatorFunction<Item, readonly Item[]> {
  return (items) =>
    new Observable((subscriber) => {
      let held: Item[] = []
      let rows = 0
      let bytes = 0
      const close = (): void => {
        if (held.length === 0) return
        const batch = held
        held = []
        rows = bytes = 0
        subscriber.next(batch)
      }
      return items.subscribe({
        next(item) {
          held.push(item)
          rows += item.rows
          bytes += item.bytes
          if (rows >= bound.rows || bytes >= bound.bytes) return close()
          const batch = held
          if (held.length === 1) void delay().then(() => batch === held && close())
        },
        error: (error) => subscriber.error(error),
        complete() {
          close()
          subscriber.complete()
        },
      })
    })
}
