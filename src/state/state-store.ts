import { randomBytes } from 'node:crypto'
import { EngineError } from '../base/errors.js'

/** The state of one stream's partition; one owner at a time. */
export interface StatePartition {
  readonly stream: string
  readonly partition: number
}

export interface Claim {
  /** Fences every commit of older owners. */
  readonly epoch: number
  /** A random name. A store that was emptied or restored from an older copy may give an epoch twice, but no name. */
  readonly claim: string
  /** The last offset folded into the stored state; -1 for an empty state. */
  readonly last: number
}

/** The state that the owner of a partition expects in the store. */
export interface StateOwner {
  readonly epoch: number
  readonly claim: string
  /** The last offset that the owner committed, or found at its claim. */
  readonly last: number
}

/** A key that no entity has. An owner loads it to check the partition without reading a blob. */
export const noEntity = '#'

/** What a store holds about a partition that was claimed. */
export interface StateExtent extends StateOwner {
  /** State that ends before this offset is incomplete: it was dropped or lost and is being rebuilt from the log. */
  readonly whole: number
}

export interface StateChange {
  readonly at: StatePartition
  readonly epoch: number
  readonly claim: string
  /** `last` as of the owner's previous commit (or its claim). */
  readonly previous: number
  readonly last: number
  /** Blobs to write. After `expiresAtMs` (event time) the features read nothing from a blob, so a store may drop it. */
  readonly puts: readonly { readonly key: string; readonly blob: Buffer; readonly expiresAtMs: number }[]
  readonly deletes?: readonly string[]
}

/** Rolling state per partition. The log can rebuild all of it. */
export interface StateStore {
  /**
   * Makes the caller the owner: every commit of an older owner fails from now on. The new epoch is 1 + the larger of
   * the stored epoch and `tailEpoch`, the highest epoch in the predictions partition (so a lost store cannot lower it).
   * State of another `identity` (plan fingerprint and partition count) is dropped: `last` is then -1, and the state is
   * incomplete until it reaches `covered`, the last offset that has its result.
   */
  claim(at: StatePartition, identity: string, tailEpoch: number, covered?: number): Promise<Claim>
  /**
   * The committed blobs in the order of the keys, undefined for absent ones; one round trip. Without `owner`, any
   * process may read complete state; throws REBUILDING while the state is incomplete or nobody has claimed the
   * partition. An owner passes what it committed, so that it never mixes its cache with the state of a store that was
   * emptied or restored from an older copy: FENCED when the partition does not belong to its claim, CONFLICT when the
   * stored offset is before its own.
   */
  load(at: StatePartition, keys: readonly string[], owner?: StateOwner): Promise<(Buffer | undefined)[]>
  /**
   * Writes all or nothing. FENCED when another owner has claimed, CONFLICT when `previous` is not the stored offset.
   * After an error to be retried, the commit may be stored or not; the caller repeats it with the same array of puts,
   * which is safe in both cases.
   */
  commit(change: StateChange): Promise<void>
  /**
   * Drops blobs that expired before `nowEventMs`, and blobs of earlier identities. Checks at most `entries` blobs and
   * continues where the last call ended. Resolves with the number of dropped blobs. `nowEventMs` is the owner's event
   * time at its `last`. A store that was taken over, emptied or restored from an older copy is left unchanged, because
   * the events folded there next may read blobs that had not expired at that time.
   */
  sweep(at: StatePartition, owner: StateOwner, nowEventMs: number, entries?: number): Promise<number>
}

export const newClaim = (): string => randomBytes(9).toString('base64url')

export const fenced = (at: StatePartition, stored: number | string, epoch: number): EngineError =>
  new EngineError(
    'FENCED',
    `partition ${at.partition} of ${at.stream} belongs to ` +
      (Number(stored) === epoch ? `another claim of epoch ${epoch}` : `epoch ${stored}, not to ${epoch}`),
  )

export const conflict = (at: StatePartition, stored: number | string, last: number): EngineError =>
  new EngineError(
    'CONFLICT',
    `the state of partition ${at.partition} of ${at.stream} ends at offset ${stored}, not at ${last}`,
  )

type ClaimName = Pick<Claim, 'epoch' | 'claim'>

/** Whether the stored state belongs to this claim. Equal epochs do not prove it: a restored store may repeat one. */
const isOfClaim = (stored: ClaimName | undefined, { epoch, claim }: ClaimName): boolean =>
  stored?.epoch === epoch && stored.claim === claim

/** Throws FENCED where the stored state does not belong to this claim. */
export function assertOfClaim<Stored extends ClaimName>(
  at: StatePartition,
  stored: Stored | undefined,
  owner: ClaimName,
): asserts stored is Stored {
  if (!isOfClaim(stored, owner)) throw fenced(at, stored?.epoch ?? 0, owner.epoch)
}

/** Whether a store is where its owner left it, or further. */
export const isOwned = (stored: StateExtent | undefined, owner: StateOwner): boolean =>
  stored !== undefined && isOfClaim(stored, owner) && stored.last >= owner.last

/** Throws the error of `StateStore.load`, if `stored` calls for one. */
export function assertReadable(
  at: StatePartition,
  stored: StateExtent | undefined,
  owner: StateOwner | undefined,
): asserts stored is StateExtent {
  if (owner === undefined) return assertWhole(at, stored)
  assertOfClaim(at, stored, owner)
  if (stored.last < owner.last) throw conflict(at, stored.last, owner.last)
}

function assertWhole(
  { stream, partition }: StatePartition,
  stored: StateExtent | undefined,
): asserts stored is StateExtent {
  if (stored === undefined)
    throw new EngineError(
      'REBUILDING',
      `partition ${partition} of ${stream} has no state: no process scores it yet, or its state was lost and ` +
        'the next owner rebuilds it from the log',
    )
  if (stored.last < stored.whole)
    throw new EngineError(
      'REBUILDING',
      `the state of partition ${partition} of ${stream} is being rebuilt from the log: offset ` +
        `${stored.last + 1} of ${stored.whole + 1}`,
    )
}
