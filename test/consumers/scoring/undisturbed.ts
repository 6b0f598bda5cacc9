import { EngineError } from '../../../src/base/errors.js'
import type { StateStore } from '../../../src/state/state-store.js'
import { engineHarness, type EngineHarness, type Seen } from '../engine-harness.js'

/** A store whose commits always fail, so that a stop of the flow leaves the same data as a crash. */
export const commitless = (store: StateStore): StateStore => ({
  claim: (...args) => store.claim(...args),
  load: (...args) => store.load(...args),
  commit: () => Promise.reject(new EngineError('STORE_DOWN', 'no commits today')),
  sweep: (...args) => store.sweep(...args),
})

/** The results of the same events in an engine without faults. */
export async function undisturbed(events: Parameters<EngineHarness['append']>[0]): Promise<Map<string, Seen>> {
  const harness = await engineHarness()
  await harness.append(events)
  const flow = await harness.score()
  await flow.caughtUp()
  await flow.stop()
  return harness.seen()
}
