import { EngineError } from '../../src/base/errors.js'
import type { ReplayDecision, RunPlace, RunResults, StoredBacktest } from '../../src/contracts/runs.js'

/** Keeps everything that it receives. */
export interface FakeRuns extends RunResults {
  readonly backtests: readonly StoredBacktest[]
  readonly blocks: readonly { readonly place: RunPlace; readonly block: Buffer }[]
}

export function fakeRuns(): FakeRuns {
  const backtests: StoredBacktest[] = []
  const blocks: { place: RunPlace; block: Buffer }[] = []
  const decided: ReplayDecision[] = []
  return {
    backtests,
    blocks,
    async putBacktest(run) {
      backtests.push(run)
    },
    async addPredictions(place, block) {
      if (block.toString() === 'no block')
        throw new EngineError('BAD_REQUEST', 'the body is not a block of predictions')
      blocks.push({ place, block })
    },
    async decideReplay(decision) {
      decided.unshift(decision)
    },
    replays: () => Promise.resolve(decided),
  }
}
