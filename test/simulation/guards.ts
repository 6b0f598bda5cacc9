/**
 * Takes real time and real chance away from this process: what follows from a seed must follow from nothing else.
 * Whoever asks for either gets an error, which ends up as a violation.
 */
export function guardDeterminism(): void {
  const refuse = (what: string) => (): never => {
    throw new Error(`${what} was used in a simulation: take the clock and chance that are passed in`)
  }
  const RealDate = Date
  const guarded = function (this: unknown, ...values: readonly unknown[]): Date {
    if (new.target === undefined || values.length === 0) return refuse('the time of day')()
    return Reflect.construct(RealDate, values, RealDate) as Date
  }
  globalThis.Date = Object.assign(guarded, {
    prototype: RealDate.prototype,
    UTC: RealDate.UTC,
    parse: RealDate.parse,
    now: refuse('Date.now'),
  }) as unknown as DateConstructor
  Math.random = refuse('Math.random')
  performance.now = refuse('performance.now')
  globalThis.setTimeout = refuse('setTimeout') as unknown as typeof setTimeout
  globalThis.setInterval = refuse('setInterval')
}
