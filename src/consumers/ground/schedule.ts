import type { Clock } from '../../base/clock.js'

/** Runs `task` every `everyMs`, one run at a time, until closed. Reports a failed run and continues. */
export function repeat(
  task: () => Promise<void>,
  everyMs: number,
  clock: Clock,
  onError: (error: unknown) => void,
): { close(): Promise<void> } {
  const stop = new AbortController()
  const running = (async () => {
    for (;;) {
      await clock.sleep(everyMs, stop.signal)
      if (stop.signal.aborted) return
      await task().catch(onError)
    }
  })()
  return {
    close: () => {
      stop.abort()
      return running
    },
  }
}
