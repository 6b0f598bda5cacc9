import { Agent, request } from 'node:http'
import { monotonicMs, systemClock } from '../../clock.js'

export interface Target {
  readonly url: string
  readonly key: string
}

/** One POST of JSON over a kept connection; resolves with the status when the answer is complete. */
export function poster({ url, key }: Target, path: string, sockets: number): { post(body: string): Promise<number>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, noDelay: true })
  const { hostname, port } = new URL(url)
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return {
    post: (body) =>
      new Promise((resolve, reject) => {
        const call = request({ agent, hostname, port, path, method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (answer) => {
          answer.resume()
          answer.on('end', () => resolve(answer.statusCode ?? 0))
          answer.on('error', reject)
        })
        call.on('error', reject)
        call.end(body)
      }),
    close: () => agent.destroy(),
  }
}

/** When an event was due, when its request was sent and when that was answered, on the clock that processes share. */
export interface Sent {
  readonly scheduledMs: number
  readonly sentMs: number
  answeredMs: number
  status: number
}

/**
 * Sends events at a fixed rate whatever becomes of the earlier ones (open loop). With `lingerMs` of 0 each is a request
 * of its own; else those that fell due since the last request go together, as a producer's batch does. A late driver is
 * not hidden: the times are those of the schedule, so what an event lingers is in them. Resolves when all are answered.
 */
export async function sendAtRate(target: Target, path: string, events: readonly string[], { ratePerSecond, lingerMs }: { readonly ratePerSecond: number; readonly lingerMs: number }): Promise<{ readonly sent: readonly Sent[]; readonly latestMs: number }> {
  const { post, close } = poster(target, path, 256)
  const startMs = monotonicMs() + 100
  const sent: Sent[] = []
  const calls: Promise<void>[] = []
  let latestMs = 0
  const send = (body: string, batch: readonly Sent[]): void => {
    calls.push(
      post(body).then((status) => {
        const answeredMs = monotonicMs()
        for (const one of batch) Object.assign(one, { answeredMs, status })
      }),
    )
  }
  while (sent.length < events.length) {
    const nowMs = monotonicMs()
    const first = sent.length
    while (sent.length < events.length && startMs + (sent.length * 1_000) / ratePerSecond <= nowMs) {
      const scheduledMs = startMs + (sent.length * 1_000) / ratePerSecond
      latestMs = Math.max(latestMs, nowMs - lingerMs - scheduledMs)
      sent.push({ scheduledMs, sentMs: nowMs, answeredMs: 0, status: 0 })
    }
    if (lingerMs > 0 && sent.length > first) send(`[${events.slice(first, sent.length).join(',')}]`, sent.slice(first))
    if (lingerMs === 0) for (let i = first; i < sent.length; i++) send(events[i]!, [sent[i]!])
    await systemClock.sleep(Math.max(1, lingerMs))
  }
  await Promise.all(calls)
  close()
  return { sent, latestMs }
}
