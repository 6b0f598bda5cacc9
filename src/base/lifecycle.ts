/** Closes resources in the reverse order of their opening. */
export interface Closing {
  add(close: () => Promise<void> | void): void
  /**
   * Closes every resource once, the newest first. When one fails, the others are still closed; then the first failure
   * is thrown.
   */
  close(): Promise<void>
}

export function createClosing(): Closing {
  const open: (() => Promise<void> | void)[] = []
  let closed: Promise<void> | undefined
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    for (let close = open.pop(); close !== undefined; close = open.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  return { add: (close) => open.push(close), close: () => (closed ??= closeAll()) }
}
