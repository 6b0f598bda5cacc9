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

/** When an event was due and when its request was answered, on the clock that processes share. */
export interface Sent {
  readonly scheduledMs: number
  answeredMs: number
  status: number
}

/**
 * Sends bodies at a fixed rate whatever becomes of the earlier ones (open loop), each as one request. A late driver
 * is not hidden: the times are those of the schedule. Resolves when all are answered.
 */
export async function sendAtRate(target: Target, path: string, bodies: readonly string[], ratePerSecond: number): Promise<{ readonly sent: readonly Sent[]; readonly latestMs: number }> {
  const { post, close } = poster(target, path, 256)
  const startMs = monotonicMs() + 100
  const sent: Sent[] = []
  const calls: Promise<void>[] = []
  let latestMs = 0
  while (sent.length < bodies.length) {
    const nowMs = monotonicMs()
    while (sent.length < bodies.length && startMs + (sent.length * 1_000) / ratePerSecond <= nowMs) {
      const scheduledMs = startMs + (sent.length * 1_000) / ratePerSecond
      const one: Sent = { scheduledMs, answeredMs: 0, status: 0 }
      latestMs = Math.max(latestMs, nowMs - scheduledMs)
      calls.push(
        post(bodies[sent.length]!).then((status) => {
          one.answeredMs = monotonicMs()
          one.status = status
        }),
      )
      sent.push(one)
    }
    await systemClock.sleep(1)
  }
  await Promise.all(calls)
  close()
  return { sent, latestMs }
}
