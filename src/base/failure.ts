/**
 * What a flow offers whoever must know when it fails: rejects with the error that ended `work`, and never resolves. A
 * failure that nobody listens to is no unhandled rejection.
 */
export function failureOf(work: Promise<unknown>): Promise<never> {
  const failed = work.then(() => new Promise<never>(() => undefined))
  failed.catch(() => undefined)
  return failed
}
