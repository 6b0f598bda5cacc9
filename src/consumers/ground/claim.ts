import type { LostOffsets } from '../../base/errors.js'
import type { StateStore } from '../../state/state-store.js'
import { encodeBlock } from '../../log/blocks/codec.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import { readTail } from '../../log/blocks/gate.js'
import { refuseGap, refuseLostPredictions, refuseReset } from './claim-checks.js'
import type { CompiledStream } from './compiled.js'
import { openLogFence, type LogFence } from './log-fence.js'
import { markerBlock } from './marker.js'
import { patiently, type Patience } from './retry.js'

/** A partition taken over: nobody else's commits or blocks count from here on. */
export interface Claimed {
  readonly epoch: number
  /** As the store names it. */
  readonly claim: string
  /** The last offset folded into the stored state; -1 for none. */
  readonly last: Offset
  /** The last offset that has its visible result; events up to it are folded again but not published again. */
  readonly covered: Offset
  /** Where reading starts. */
  readonly from: Offset
  /** Told of every block that is appended. */
  readonly fence: LogFence
}

/** What operators have accepted of the partition that is claimed. */
export interface ClaimRules {
  isAccepted(code: string, lost: LostOffsets): boolean
  /**
   * The control position at which the event topic was accepted as made anew; 0 for never. Older blocks and state are of
   * another topic.
   */
  readonly since: Offset
  /** The control position of the routing, which is `since` or later. */
  readonly control: Offset
}

const strict: ClaimRules = { isAccepted: () => false, since: 0, control: 0 }

/** No plan has this identity: whoever claims with it drops the state. */
const nothing = ''

/**
 * Claims a partition of a stream: fences the store, marks the predictions topic with the new epoch, and finds what is
 * covered. The order matters: after the marker no older owner's block is visible, so what stands before it is final;
 * and only blocks that are looked for behind the claim are all of those that the claimed state was committed after.
 * State that the log cannot be folded onto any more is dropped: it is rebuilt from all that the log holds, and so is
 * state that is gone or of another plan. Throws LOG_RESET when state or blocks are not those of this log, GAP when
 * events or predictions are lost, unless that was accepted; FENCED where another owner was quicker: a store that was
 * emptied or put back gives an epoch twice, and then the first marker of it in the log decides.
 */
export async function claimPartition(
  log: EventLog,
  store: StateStore,
  stream: CompiledStream,
  partition: number,
  patience: Patience,
  rules = strict,
): Promise<Claimed> {
  const events: TopicPartition = { topic: stream.topics.events, partition }
  const predictions: TopicPartition = { topic: stream.topics.predictions, partition }
  const at = { stream: stream.stream.name, partition }
  const identity = rules.since === 0 ? stream.stateIdentity : `${stream.stateIdentity}/${rules.since}`
  const before = await patiently(() => readTail(log, predictions, rules.since), patience)
  const { first } = await patiently(() => log.bounds(events), patience)
  // Where the log holds nothing of it any more, nothing is rebuilt.
  const rebuilt = (covered: Offset): Offset => (covered < first ? -1 : covered)
  let claim = await patiently(() => store.claim(at, identity, before.epoch, rebuilt(before.covered)), patience)
  const behind = await patiently(() => readTail(log, predictions, rules.since), patience)
  const fence = openLogFence(log, predictions, before.next, patience)
  await refuseLostPredictions({ log, events, predictions, last: claim.last, covered: behind.covered, patience, rules })
  if (claim.last >= 0 && claim.last + 1 < first && behind.covered > claim.last) {
    await patiently(() => store.claim(at, nothing, claim.epoch), patience)
    claim = await patiently(() => store.claim(at, identity, claim.epoch, rebuilt(behind.covered)), patience)
  }
  const marker = encodeBlock(markerBlock(stream, claim.epoch, Math.max(behind.covered, claim.last), rules.control))
  await fence.passed(
    await patiently(() => log.append(predictions, [{ key: null, value: marker }]), patience),
    claim.epoch,
  )
  const tail = await patiently(() => readTail(log, predictions, rules.since), patience)
  const bounds = await patiently(() => log.bounds(events), patience)
  const reached = Math.max(claim.last, tail.covered)
  await refuseReset({ log, events, reached, bounds, lastRow: tail.lastRow, patience })
  refuseGap({ events, reached, bounds, rules })
  return {
    epoch: claim.epoch,
    claim: claim.claim,
    last: claim.last,
    covered: tail.covered,
    from: Math.max(claim.last + 1, bounds.first),
    fence,
  }
}
