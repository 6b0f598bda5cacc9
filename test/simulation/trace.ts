import { createHash } from 'node:crypto'
import type { Timeline } from './timeline.js'

/** Everything that happened, as a digest: two runs of a seed are the same if it is. */
export interface Trace {
  note(...what: readonly (string | number | Buffer)[]): void
  digest(): string
}

export function openTrace(timeline: Timeline, tell?: (line: string) => void): Trace {
  const hash = createHash('sha1')
  return {
    note(...what) {
      hash.update(String(timeline.nowMs))
      for (const one of what) hash.update(typeof one === 'number' ? String(one) : one)
      tell?.(`${timeline.nowMs} ${what.map((one) => (Buffer.isBuffer(one) ? `<${one.length} bytes>` : one)).join(' ')}`)
    },
    digest: () => hash.copy().digest('hex').slice(0, 16),
  }
}
