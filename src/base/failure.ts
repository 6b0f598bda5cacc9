/**
 * How a flow reports its failure: the promise rejects with the error that ended `work`, and never resolves. A failure
 * that no code handles causes no unhandled rejection.
 */
export function failureOf(work: Promise<unknown>): Promise<never> {
  const failed = work.then(() => new Promise<never>(() => undefined))
  failed.catch(() => undefined)
  return failed
}
