import { Agent, request } from 'node:http'
import { monotonicMs, systemClock } from '../../src/base/clock.js'

export interface Target {
  readonly url: string
  readonly key: string
}

/** One POST of JSON over a kept connection; resolves with the status when the answer is complete. */
export function poster(
  { url, key }: Target,
  path: string,
  sockets: number,
): { post(body: string): Promise<number>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, noDelay: true })
  const { hostname, port } = new URL(url)
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return {
    post: (body) =>
      new Promise((resolve, reject) => {
        const call = request(
          {
            agent,
            hostname,
            port,
            path,
            method: 'POST',
            headers: { ...headers, 'content-length': Buffer.byteLength(body) },
          },
          (answer) => {
            answer.resume()
            answer.on('end', () => resolve(answer.statusCode ?? 0))
            answer.on('error', reject)
          },
        )
        call.on('error', reject)
        call.end(body)
      }),
    close: () => agent.destroy(),
  }
}

/** When an event was due, when it was sent and when that was answered, on the clock that processes share. */
export interface Sent {
  readonly scheduledMs: number
  readonly sentMs: number
  answeredMs: number
  taken: boolean
}

export interface Pace {
  readonly ratePerSecond: number
  readonly lingerMs: number
}

/**
 * Sends events at a fixed rate whatever becomes of the earlier ones (open loop); `send` gets the first and the end of
 * those that go together and says whether they were taken. With `lingerMs` of 0 each goes alone; else those that fell
 * due since the last time go together, as a producer's batch does. A late driver is not hidden: the times are those of
 * the schedule, so what an event lingers is in them. Resolves when all are answered.
 */
export async function sendAtRate(
  events: number,
  { ratePerSecond, lingerMs }: Pace,
  send: (first: number, end: number) => Promise<boolean>,
): Promise<{ readonly sent: readonly Sent[]; readonly latestMs: number }> {
  const startMs = monotonicMs() + 100
  const sent: Sent[] = []
  const calls: Promise<void>[] = []
  let latestMs = 0
  const begin = (first: number, end: number): void => {
    calls.push(
      send(first, end).then((taken) => {
        const answeredMs = monotonicMs()
        for (let i = first; i < end; i++) Object.assign(sent[i]!, { answeredMs, taken })
      }),
    )
  }
  while (sent.length < events) {
    const nowMs = monotonicMs()
    const first = sent.length
    while (sent.length < events && startMs + (sent.length * 1_000) / ratePerSecond <= nowMs) {
      const scheduledMs = startMs + (sent.length * 1_000) / ratePerSecond
      latestMs = Math.max(latestMs, nowMs - lingerMs - scheduledMs)
      sent.push({ scheduledMs, sentMs: nowMs, answeredMs: 0, taken: false })
    }
    if (lingerMs > 0 && sent.length > first) begin(first, sent.length)
    if (lingerMs === 0) for (let i = first; i < sent.length; i++) begin(i, i + 1)
    await systemClock.sleep(Math.max(1, lingerMs))
  }
  await Promise.all(calls)
  return { sent, latestMs }
}

/** The same over HTTP: events that go together are one request. */
export async function postAtRate(
  target: Target,
  path: string,
  events: readonly string[],
  pace: Pace,
): ReturnType<typeof sendAtRate> {
  const { post, close } = poster(target, path, 256)
  try {
    return await sendAtRate(
      events.length,
      pace,
      async (first, end) =>
        (await post(pace.lingerMs === 0 ? events[first]! : `[${events.slice(first, end).join(',')}]`)) < 300,
    )
  } finally {
    close()
  }
}
