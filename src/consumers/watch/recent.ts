/** Rates and latency quantiles over the last five seconds, in constant memory. */
export interface Recent {
  /** Adds one event whose result was durable at `atMs`, `latencyMs` after its append. */
  add(atMs: number, latencyMs: number): void
  read(nowMs: number): {
    readonly eventsPerSecond: number
    readonly p50Ms: number | undefined
    readonly p95Ms: number | undefined
  }
}

const spanSeconds = 5
/** Bounds grow by 10 %, from 0.5 ms to about 30 minutes. A quantile is the upper bound of its bucket. */
const buckets = 160
const growth = Math.log(1.1)
const bucketOf = (ms: number): number =>
  Math.min(buckets - 1, Math.max(0, Math.ceil(Math.log(Math.max(ms, 0.5) / 0.5) / growth)))
const upperMs = (bucket: number): number => 0.5 * Math.exp(bucket * growth)

export function createRecent(): Recent {
  const seconds = Array.from({ length: spanSeconds + 1 }, () => ({
    second: -1,
    events: 0,
    counts: new Uint32Array(buckets),
  }))

  return {
    add(atMs, latencyMs) {
      const second = Math.floor(atMs / 1_000)
      const slot = seconds[second % seconds.length]!
      if (slot.second !== second) {
        slot.second = second
        slot.events = 0
        slot.counts.fill(0)
      }
      slot.events++
      slot.counts[bucketOf(latencyMs)]!++
    },
    read(nowMs) {
      const current = Math.floor(nowMs / 1_000)
      const whole = seconds.filter(({ second }) => second >= current - spanSeconds && second < current)
      const events = whole.reduce((sum, one) => sum + one.events, 0)
      const quantile = (q: number): number | undefined => {
        let left = q * events
        for (let bucket = 0; bucket < buckets && events > 0; bucket++) {
          left -= whole.reduce((sum, one) => sum + one.counts[bucket]!, 0)
          if (left <= 0) return upperMs(bucket)
        }
        return undefined
      }
      return { eventsPerSecond: events / spanSeconds, p50Ms: quantile(0.5), p95Ms: quantile(0.95) }
    },
  }
}
