/**
 * Returns a function that runs pieces of work one at a time, in the order of the calls. A piece starts after the one
 * before it has ended. A failed piece rejects its own call; the next one starts all the same.
 */
export function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }
}
