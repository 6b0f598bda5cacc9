import { isEngineError, type ErrorCode } from '../../src/base/errors.js'
import type { Claim, StateChange, StatePartition, StateStore } from '../../src/state/state-store.js'

export interface OpenStore {
  readonly store: StateStore
  close(): Promise<void>
}

export const at: StatePartition = { stream: 'attendance', partition: 3 }
export const neighbour: StatePartition = { stream: 'attendance', partition: 30 }
export const never = 4_102_444_800_000

export const puts = (blobs: Readonly<Record<string, string>>): StateChange['puts'] =>
  Object.entries(blobs).map(([key, text]) => ({ key, blob: Buffer.from(text), expiresAtMs: never }))

/** The part of a claim that tests compare: its name is random. */
export const extent = ({ epoch, last }: Claim): Omit<Claim, 'claim'> => ({ epoch, last })

export const refusedWith = (code: ErrorCode) => (error: unknown) => isEngineError(error, code)

/** The stored blobs as texts, as a reader that is not the owner gets them. */
export const readTexts = async (store: StateStore, place: StatePartition, keys: readonly string[]) =>
  (await store.load(place, keys)).map((blob) => blob?.toString())
