import type { LostOffsets } from '../../base/errors.js'
import { emptyBlock } from '../../log/blocks/build.js'
import { encodeBlock } from '../../log/blocks/codec.js'
import { readTail } from '../../log/blocks/gate.js'
import type { EventLog, Offset } from '../../log/event-log.js'
import type { StateOwner, StateStore } from '../../state/state-store.js'
import { refuseGap, refuseLostResults, refuseReset } from './claim-checks.js'
import { openLogFence, type LogFence } from './log-fence.js'
import type { OwnedPartition } from './owned.js'

/** A claimed partition: commits and blocks of earlier owners no longer count. */
export interface Claimed extends StateOwner {
  /** The last offset that has its visible result. Events up to it may be folded again; they are not published again. */
  readonly covered: Offset
  /** Where reading starts. */
  readonly from: Offset
  readonly fence: LogFence
}

/** What operators have accepted of the partition that is claimed. */
export interface ClaimRules {
  isAccepted(code: string, lost: LostOffsets): boolean
  /**
   * The control position at which an operator accepted that the input topic was recreated; 0 for never. Older blocks
   * and state belong to another topic.
   */
  readonly since: Offset
  /** The control position of the routing, which is `since` or later. */
  readonly control: Offset
}

export const strictRules: ClaimRules = { isAccepted: () => false, since: 0, control: 0 }

/** No plan has this identity: a claim with it drops the state. */
const noIdentity = ''

export interface ClaimPorts {
  /** Both wait while they are unreachable: see `patientLog` and `patientStore`. */
  readonly log: EventLog
  readonly store: Pick<StateStore, 'claim'>
}

/**
 * Claims a partition: fences the store, appends a marker with the new epoch to the results, and finds the last covered
 * offset. The order matters. Readers ignore blocks that an older owner writes after the marker, so the results before
 * the marker are final. The tail that is read after the claim holds every block that was
 * appended before the claimed state was committed.
 *
 * State is dropped and rebuilt from the whole log if the log no longer holds the events that follow it, if the state
 * is lost, or if it has another identity.
 *
 * Throws LOG_RESET when state or blocks belong to another log, GAP when events or results are lost, unless an operator
 * accepted that. Throws FENCED when another owner was quicker: a store that was emptied or restored from an older copy
 * may give an epoch twice, and then the first marker of that epoch in the log wins.
 */
export async function claimPartition(
  owned: OwnedPartition,
  { log, store }: ClaimPorts,
  rules = strictRules,
): Promise<Claimed> {
  const { input, results, state } = owned
  const identity = rules.since === 0 ? owned.stateIdentity : `${owned.stateIdentity}/${rules.since}`
  const before = await readTail(log, results, rules.since)
  const { first } = await log.bounds(input)
  // If the log no longer holds any of the covered events, there is nothing to rebuild.
  const rebuilt = (covered: Offset): Offset => (covered < first ? -1 : covered)
  let claim = await store.claim(state, identity, before.epoch, rebuilt(before.covered))
  const behind = await readTail(log, results, rules.since)
  const fence = openLogFence(log, results, before.next)
  await refuseLostResults({ log, owned, last: claim.last, covered: behind.covered, rules })
  if (claim.last >= 0 && claim.last + 1 < first && behind.covered > claim.last) {
    await store.claim(state, noIdentity, claim.epoch)
    claim = await store.claim(state, identity, claim.epoch, rebuilt(behind.covered))
  }
  await fence.passed(await appendMarker(log, owned, claim, behind.covered, rules), claim.epoch)
  const tail = await readTail(log, results, rules.since)
  const bounds = await log.bounds(input)
  const reached = Math.max(claim.last, tail.covered)
  await refuseReset({ log, input, reached, bounds, lastRow: tail.lastRow })
  refuseGap({ input, reached, bounds, rules })
  return { ...claim, covered: tail.covered, from: Math.max(claim.last + 1, bounds.first), fence }
}

/** Appends a block without rows: from its epoch on, readers ignore older owners. Resolves with its offset. */
function appendMarker(
  log: EventLog,
  { results, fingerprint, width }: OwnedPartition,
  { epoch, last }: StateOwner,
  covered: Offset,
  { control }: ClaimRules,
): Promise<Offset> {
  const at = Math.max(covered, last)
  const marker = emptyBlock({ after: at, last: at, epoch, control, fingerprint, width })
  return log.append(results, [{ key: null, value: encodeBlock(marker) }])
}
