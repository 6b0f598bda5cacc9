import type { Clock } from '../base/clock.js'
import type { StateStore } from '../state/state-store.js'
import { limits } from '../base/limits.js'
import { migrate } from '../sinks/migrate.js'
import type { OpenWarehouse } from '../sinks/warehouse.js'
import { awaitWarehouse, type AwaitedWarehouse } from '../consumers/warehouse/awaited-warehouse.js'
import { retrying } from '../consumers/ground/retry.js'

interface Closable {
  close(): Promise<void>
}

/** Opens the stores of a preset. */
export interface Openers<Log, State> {
  openLog(): Promise<Log>
  openState(): Promise<State>
  openWarehouse(): Promise<OpenWarehouse>
}

export interface OpeningOptions<Log, State> {
  readonly stores: Openers<Log, State>
  readonly needs: { readonly state: boolean; readonly warehouse: boolean }
  /** The retention of the warehouse's tables, days. */
  readonly retentionDays: number
  readonly clock: Clock
  /** Takes the function that closes each store, in the order of opening. */
  readonly closing: { add(close: () => Promise<void>): void }
  readonly onRetry: (error: unknown) => void
  /** Ends the waiting. */
  readonly stop: AbortSignal | undefined
}

export interface OpenedStores<Log, State> {
  readonly log: Log
  /** Undefined if it is not needed; the same is true of `warehouse`. */
  readonly store: State | undefined
  readonly warehouse: AwaitedWarehouse | undefined
}

/**
 * Opens the stores that are needed. Retries for `limits.startRetryMs`, because servers that start together are ready in
 * any order. Retries the warehouse in the background without a limit.
 */
export async function openStores<Log extends Closable, State extends Closable & StateStore>({
  stores,
  needs,
  retentionDays,
  clock,
  closing,
  onRetry,
  stop,
}: OpeningOptions<Log, State>): Promise<OpenedStores<Log, State>> {
  const over = new AbortController()
  const signal = stop === undefined ? over.signal : AbortSignal.any([over.signal, stop])
  const ended = clock.sleep(limits.startRetryMs, signal).then(() => over.abort())
  const opened = async <Store extends Closable>(open: () => Promise<Store>): Promise<Store> => {
    const store = await unlessStopped(retrying(open, { clock, signal, onRetry }), stop)
    closing.add(() => store.close())
    return store
  }
  try {
    const log = await opened(() => stores.openLog())
    const store = needs.state ? await opened(() => stores.openState()) : undefined
    if (!needs.warehouse) return { log, store, warehouse: undefined }
    const warehouse = await awaitWarehouse({
      open: () => stores.openWarehouse(),
      prepare: (opening) => migrate(opening, { retentionDays }),
      clock,
      onRetry,
    })
    closing.add(() => warehouse.warehouse.close())
    return { log, store, warehouse }
  } finally {
    over.abort()
    await ended
  }
}

/**
 * Rejects as soon as `stop` aborts: an attempt to open a server that does not answer may take seconds. If the store
 * opens after that, it is closed.
 */
async function unlessStopped<Store extends { close(): Promise<void> }>(
  opening: Promise<Store>,
  stop: AbortSignal | undefined,
): Promise<Store> {
  const stopped = new Promise<never>((_, reject) => {
    const rejectNow = (): void => reject(stop?.reason instanceof Error ? stop.reason : new Error('stopped'))
    if (stop?.aborted === true) rejectNow()
    else stop?.addEventListener('abort', rejectNow, { once: true })
  })
  try {
    return await Promise.race([opening, stopped])
  } catch (error) {
    opening.then((late) => late.close()).catch(() => undefined)
    throw error
  }
}
