/** Requests that wait for something that is about to be there. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'

/**
 * Repeats a read until it finds something, for `waitMs` at most. It ends early when the caller disconnects or the API
 * closes. While too many requests wait already, it reads once.
 */
export type WaitingRead = <T>(
  reply: FastifyReply,
  waitMs: number,
  read: () => Promise<readonly T[]>,
) => Promise<readonly T[]>

export function waitingReads(app: FastifyInstance, clock: Clock): WaitingRead {
  const closing = new AbortController()
  let waiting = 0
  app.addHook('preClose', (done) => {
    closing.abort()
    done()
  })
  return async (reply, waitMs, read) => {
    const untilMs = clock.nowMs() + waitMs
    const found = await read()
    if (found.length > 0 || waitMs <= 0 || waiting >= limits.apiWaiting) return found
    const gone = new AbortController()
    const leave = (): void => gone.abort()
    reply.raw.once('close', leave)
    waiting++
    try {
      return await repeated(read, untilMs, clock, AbortSignal.any([closing.signal, gone.signal]))
    } finally {
      waiting--
      reply.raw.off('close', leave)
    }
  }
}

async function repeated<T>(
  read: () => Promise<readonly T[]>,
  untilMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly T[]> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
    const leftMs = untilMs - clock.nowMs()
    await clock.sleep(Math.min(pauseMs, Math.max(0, leftMs)), signal)
    const found = await read()
    if (found.length > 0 || leftMs <= pauseMs || signal.aborted) return found
  }
}

const firstPauseMs = 100
const longestPauseMs = 1_000
