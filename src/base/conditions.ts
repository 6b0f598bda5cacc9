/** Callers that wait for conditions on some state, in one place for everything that changes the state. */
export interface Conditions {
  /** Resolves when the condition holds or the signal aborts. It is checked now and at each `changed`. */
  until(condition: () => boolean, signal?: AbortSignal): Promise<void>
  /** Call it after every change of the state. */
  changed(): void
}

export function createConditions(): Conditions {
  const waiting = new Set<() => void>()
  return {
    until: (condition, signal) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition() && signal?.aborted !== true) return
          waiting.delete(check)
          signal?.removeEventListener('abort', check)
          resolve()
        }
        waiting.add(check)
        signal?.addEventListener('abort', check)
        check()
      }),
    changed() {
      for (const check of waiting) check()
    },
  }
}
