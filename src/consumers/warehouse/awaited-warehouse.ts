import type { Clock } from '../../base/clock.js'
import { EngineError, isEngineError, messageOf } from '../../base/errors.js'
import { failureOf } from '../../base/failure.js'
import { limits } from '../../base/limits.js'
import type { OpenWarehouse, Warehouse } from '../../sinks/warehouse.js'
import { retrying } from '../ground/retry.js'

export interface AwaitedOptions {
  readonly open: () => Promise<OpenWarehouse>
  /** Runs once before any other use of the warehouse: the migrations. */
  readonly prepare: (warehouse: Warehouse) => Promise<void>
  readonly clock: Clock
  /** Called after every failed attempt. */
  readonly onRetry: (error: unknown) => void
}

/** A warehouse that may be unreachable when the engine starts. */
export interface AwaitedWarehouse {
  /** Its calls throw WAREHOUSE_DOWN until the warehouse is open and prepared. */
  readonly warehouse: OpenWarehouse
  /** Rejects on an error that waiting cannot resolve (BAD_CONFIG, STATE_MISMATCH); never resolves. */
  readonly failed: Promise<never>
}

/**
 * Opens the warehouse. While it is unreachable, this retries in the background without a limit: rows wait in the log,
 * and queries fail with WAREHOUSE_DOWN. Rejects on an error that waiting cannot resolve.
 */
export async function awaitWarehouse({ open, prepare, clock, onRetry }: AwaitedOptions): Promise<AwaitedWarehouse> {
  const closing = new AbortController()
  let opened: OpenWarehouse | undefined
  let ready: OpenWarehouse | undefined
  let reason: unknown = new Error('it has not answered yet')

  async function attempt(): Promise<void> {
    opened ??= await open()
    await prepare(opened).catch((error: unknown) => {
      // Scoring does not depend on the warehouse, so a statement that it refuses must not end the process.
      if (!isEngineError(error, 'BAD_REQUEST')) throw error
      throw new EngineError('WAREHOUSE_DOWN', `the warehouse refuses its migration: ${error.message}`, { cause: error })
    })
    ready = opened
  }

  const onFailure = (error: unknown): void => {
    reason = error
    answered()
    onRetry(error)
  }
  // The start waits for the first answer, but at most `limits.warehouseStartMs`.
  let answered: () => void = () => undefined
  const answer = new Promise<void>((resolve) => (answered = resolve))
  const waiting = retrying(attempt, { clock, signal: closing.signal, onRetry: onFailure })
  const over = new AbortController()
  try {
    await Promise.race([waiting, answer, clock.sleep(limits.warehouseStartMs, over.signal)])
  } catch (error) {
    await opened?.close()
    throw error
  } finally {
    over.abort()
  }
  const failed = failureOf(waiting)

  const readyWarehouse = (): OpenWarehouse => {
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
      insert: async (table, native) => readyWarehouse().insert(table, native),
      query: async (sql, params) => readyWarehouse().query(sql, params),
      read: async (sql) => readyWarehouse().read(sql),
      run: async (sql, params) => readyWarehouse().run(sql, params),
      async close() {
        closing.abort()
        await waiting.catch(() => undefined)
        await opened?.close()
      },
    },
  }
}
