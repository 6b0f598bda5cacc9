import type { Clock } from '../../base/clock.js'
import { EngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { retrying } from '../ground/retry.js'

export interface AwaitedOptions {
  readonly open: () => Promise<Warehouse>
  /** What must be done before anything else is, such as migrations. */
  readonly prepare: (warehouse: Warehouse) => Promise<void>
  readonly clock: Clock
  /** Told of every attempt that failed. */
  readonly onRetry: (error: unknown) => void
}

/** A warehouse that may be away when the engine starts. */
export interface AwaitedWarehouse {
  /** Throws WAREHOUSE_DOWN until the warehouse is there and prepared. */
  readonly warehouse: Warehouse
  /** Rejects when waiting does not help (BAD_CONFIG, STATE_MISMATCH); never resolves. */
  readonly failed: Promise<never>
}

/**
 * Opens the warehouse, at once where it is there. Where it is away it is waited for in the background, for as long as
 * it takes: what belongs in it waits in the log, and whoever asks it is told so. Rejects when waiting does not help.
 */
export async function awaitWarehouse({ open, prepare, clock, onRetry }: AwaitedOptions): Promise<AwaitedWarehouse> {
  const closing = new AbortController()
  let opened: Warehouse | undefined
  let ready: Warehouse | undefined
  let reason: unknown = new Error('it has not answered yet')

  async function attempt(): Promise<void> {
    opened ??= await open()
    await prepare(opened)
    ready = opened
  }

  const away = (error: unknown): void => {
    reason = error
    answered()
    onRetry(error)
  }
  // Whoever starts waits for the first answer, and for one that does not come only a little.
  let answered: () => void = () => undefined
  const answer = new Promise<void>((resolve) => (answered = resolve))
  const waiting = retrying(attempt, { clock, signal: closing.signal, onRetry: away })
  const over = new AbortController()
  try {
    await Promise.race([waiting, answer, clock.sleep(limits.warehouseStartMs, over.signal)])
  } catch (error) {
    await opened?.close()
    throw error
  } finally {
    over.abort()
  }
  const failed = waiting.then(() => new Promise<never>(() => undefined))
  failed.catch(() => undefined)

  const there = (): Warehouse => {
    if (ready === undefined)
      throw new EngineError(
        'WAREHOUSE_DOWN',
        `the warehouse has not been reached since the start: ${messageOf(reason)}`,
        { cause: reason },
      )
    return ready
  }
  return {
    failed,
    warehouse: {
      insert: async (table, native) => there().insert(table, native),
      query: async (sql, params) => there().query(sql, params),
      run: async (sql, params) => there().run(sql, params),
      async close() {
        closing.abort()
        await waiting.catch(() => undefined)
        await opened?.close()
      },
    },
  }
}
