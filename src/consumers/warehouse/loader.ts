import { concatMap, from, Observable, Subject, type OperatorFunction } from 'rxjs'
import type { Clock } from '../../base/clock.js'
import { isEngineError, type EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { tablePartitionAt, type Table } from '../../sinks/tables.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { patient } from '../ground/retry.js'

/** The rows of a table from one read of a partition. */
export interface Piece<Data> {
  readonly rows: number
  readonly bytes: number
  readonly data: Data
  /** The pieces of one table partition go into one insert. */
  readonly writtenAtMs: number
  /** Called once the piece is stored, also if its partition was revoked before that. */
  readonly onStored: () => void
}

export interface LoaderOptions<Data> {
  readonly table: Table
  /** Encodes all pieces as one insert. */
  readonly encode: (pieces: readonly Pick<Piece<Data>, 'data' | 'writtenAtMs'>[]) => Buffer
  readonly warehouse: Warehouse
  readonly clock: Clock
  /** When it aborts, a failing insert is not repeated. */
  readonly stopping: AbortSignal
  readonly onAnswered: () => void
  readonly onRetry: (error: unknown) => void
}

export interface Loader<Data> {
  /**
   * Resolves with true when the piece is stored. Resolves with false when `revoked` or a stop came before that: the
   * piece may be stored or not, and the next reader of the partition stores it again. Rejects with ROWS_REFUSED or
   * WAREHOUSE_REFUSED when the warehouse refuses this piece alone.
   */
  store(piece: Piece<Data>, revoked: AbortSignal): Promise<boolean>
  /** Takes no more pieces; resolves when the running insert has ended. */
  close(): Promise<void>
}

interface Waiting<Data> {
  readonly rows: number
  readonly bytes: number
  /** Undefined once its partition is revoked, so that the rows of revoked partitions do not fill the memory. */
  piece: Piece<Data> | undefined
  readonly settle: (stored: boolean) => void
  readonly fail: (error: unknown) => void
}

interface Wanted<Data> extends Piece<Data>, Pick<Waiting<Data>, 'settle' | 'fail'> {}

/** The warehouse answered, and did not take the rows. */
export const isRefusal = (error: unknown): error is EngineError =>
  isEngineError(error, 'ROWS_REFUSED') || isEngineError(error, 'WAREHOUSE_REFUSED')

/**
 * An insert of fewer rows than this costs the same for any number of rows; such inserts take at most this share of the
 * time.
 */
const small = { rows: 2_000, share: 0.1 }

/**
 * Gathers the pieces of a table's partitions into inserts, one insert at a time. A partition has at most one piece
 * here. So the memory stays bounded by the size of a read, also while the warehouse is unreachable.
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

  /** One insert for each table partition: ClickHouse stores the rows of one table partition all or not at all. */
  async function insert(batch: readonly Waiting<Data>[]): Promise<void> {
    const together = new Map<number, Wanted<Data>[]>()
    for (const { piece, settle, fail } of batch) {
      if (piece === undefined) continue
      const { fromMs } = tablePartitionAt(table, piece.writtenAtMs)
      const others = together.get(fromMs)
      if (others === undefined) together.set(fromMs, [{ ...piece, settle, fail }])
      else others.push({ ...piece, settle, fail })
    }
    for (const wanted of together.values()) await insertTogether(wanted)
  }

  async function insertTogether(wanted: readonly Wanted<Data>[]): Promise<void> {
    try {
      const startMs = clock.nowMs()
      const native = encode(wanted)
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
      // The stop ended the retries: this is no failure. `revoked` of the partitions may abort a moment later.
      const isStopped = stopping.aborted && isEngineError(error) && error.disposition === 'retry'
      if (wanted.length > 1 && isRefusal(error)) {
        for (const one of wanted) await insertTogether([one])
        return
      }
      for (const { settle, fail } of wanted) {
        if (isStopped) settle(false)
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
      // No function here may refer to `piece` itself: a reference to `waiting` would then keep its rows in memory.
      const { promise, settle, fail } = promised<boolean>()
      const waiting: Waiting<Data> = { rows: piece.rows, bytes: piece.bytes, piece, settle, fail }
      const drop = (): void => {
        waiting.piece = undefined
        settle(false)
      }
      revoked.addEventListener('abort', drop)
      pieces.next(waiting)
      return promise.finally(() => revoked.removeEventListener('abort', drop))
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

/** Collects items into lists. A list ends at the bound, or when `delay` has passed since its first item. */
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
