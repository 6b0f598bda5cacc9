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
  /** Names this claim alone: a store that was emptied or put back may give an epoch twice. */
  readonly claim: string
  /** The last offset folded into the stored state; -1 for an empty state. */
  readonly last: number
}

/** What the owner of a partition relies on. */
export interface StateOwner {
  readonly epoch: number
  readonly claim: string
  /** The last offset that it has committed, or found at its claim. */
  readonly last: number
}

/** A key that no entity has: reading it asks after the partition alone. */
export const noEntity = '#'

/** What a store knows of a partition that was claimed. */
export interface StateExtent extends StateOwner {
  /** State that ends before this offset is a part: the log is being folded into what was dropped or lost. */
  readonly whole: number
}

export interface StateChange {
  readonly at: StatePartition
  readonly epoch: number
  readonly claim: string
  /** `last` as of the owner's previous commit (or its claim). */
  readonly previous: number
  readonly last: number
  /** Blobs to write. Past `expiresAtMs` (event time) a blob reads as empty, so a store may drop it. */
  readonly puts: readonly { readonly key: string; readonly blob: Buffer; readonly expiresAtMs: number }[]
  readonly deletes?: readonly string[]
}

/** Rolling state per partition. Holds only what the log can rebuild. */
export interface StateStore {
  /**
   * Takes the partition over: every older owner's commit fails from now on. The new epoch is 1 + the larger of the
   * stored epoch and `tailEpoch` (the highest in the predictions partition, so that a lost store cannot lower it).
   * State of another `identity` (plan fingerprint and partition count) is dropped: `last` is then -1, and what is
   * stored counts as a part until it reaches `covered`, the last offset that has its result.
   */
  claim(at: StatePartition, identity: string, tailEpoch: number, covered?: number): Promise<Claim>
  /**
   * The committed blobs in the order of the keys, absent ones undefined; one round trip. Anyone may read state that is
   * whole: REBUILDING where it is a part, or where nobody has claimed the partition. An owner says what it has
   * committed, so that it never mixes what it remembers with a store that was emptied or put back: FENCED when the
   * partition is not of its claim, CONFLICT when the stored offset is before its own.
   */
  load(at: StatePartition, keys: readonly string[], owner?: StateOwner): Promise<(Buffer | undefined)[]>
  /**
   * All or nothing. FENCED when another owner has claimed, CONFLICT when `previous` is not the stored offset. After an
   * error to be retried it may have happened or not; repeated with the same array of puts it ends well either way.
   */
  commit(change: StateChange): Promise<void>
  /**
   * Drops some of the blobs that expired before `nowEventMs`, and of state of earlier identities; looks at `entries` of
   * them, going on where the last call ended. Resolves with how many are gone. `nowEventMs` is the owner's time at its
   * `last`: a store that was taken over, emptied or put back is left as it is, for whoever folds from there reads what
   * had not expired then.
   */
  sweep(at: StatePartition, owner: StateOwner, nowEventMs: number, entries?: number): Promise<number>
}

/** Says nothing but that it is another one. */
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

/** Whether the stored state belongs to this claim. The epoch alone does not tell: a restored store may repeat one. */
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

/** Throws what a store that stands at `stored` means to its owner, or to a reader where there is none. */
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
      `partition ${partition} of ${stream} has no state: no process scores it yet, or the state was lost and ` +
        'is rebuilt from the log as soon as one does',
    )
  if (stored.last < stored.whole)
    throw new EngineError(
      'REBUILDING',
      `the state of partition ${partition} of ${stream} is being rebuilt from the log: offset ` +
        `${stored.last + 1} of ${stored.whole + 1}`,
    )
}
