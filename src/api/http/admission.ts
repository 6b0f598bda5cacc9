/** How much may be under way at once. Beyond that a request is told to come again, before its body is read. */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import { Refusal } from './problems.js'

/** What is under way now. */
export interface InFlight {
  readonly answers: Set<ServerResponse>
  /** Of bodies. */
  bytes: number
}

export interface AdmissionBounds {
  readonly requests: number
  readonly bytes: number
}

export const defaultBounds: AdmissionBounds = { requests: limits.apiInFlightRequests, bytes: limits.apiInFlightBytes }

/** A body of unknown length may be as long as any. */
function bytesOf(request: FastifyRequest): number {
  if (request.headers['transfer-encoding'] !== undefined) return limits.apiBodyBytes
  const length = Number(request.headers['content-length'] ?? 0)
  return Number.isFinite(length) ? length : limits.apiBodyBytes
}

/** Bounds what the routes of this plugin hold in memory. Refuses everything once the API closes. */
export function boundInFlight(
  app: FastifyInstance,
  inFlight: InFlight,
  bounds: AdmissionBounds,
  closing: Closing,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (closing.started) return done(new Refusal('CLOSING', 'The engine is shutting down.'))
    const bytes = bytesOf(request)
    if (
      inFlight.answers.size >= bounds.requests ||
      (bytes > 0 && inFlight.bytes + bytes > bounds.bytes && inFlight.bytes > 0)
    ) {
      return done(
        new Refusal(
          'OVERLOADED',
          `${inFlight.answers.size} requests with ${inFlight.bytes} bytes are under way; come again.`,
        ),
      )
    }
    inFlight.answers.add(reply.raw)
    inFlight.bytes += bytes
    // Comes once, whether the answer was sent whole or the caller went away.
    reply.raw.once('close', () => {
      inFlight.answers.delete(reply.raw)
      inFlight.bytes -= bytes
    })
    done()
  })
}

/** Whether the API is closing. */
export interface Closing {
  started: boolean
}

/**
 * On `close`, lets what is under way be answered, each answer the last of its connection, so that no caller sends
 * another request into a closing one. Whoever has not sent or taken everything after the time limit is cut off.
 */
export function closeGently(app: FastifyInstance, inFlight: InFlight, clock: Clock): Closing {
  const closing: Closing = { started: false }
  app.addHook('preClose', (done) => {
    closing.started = true
    for (const answer of inFlight.answers) if (!answer.headersSent) answer.setHeader('connection', 'close')
    if (app.server.listening) cutOffLater(app, clock)
    done()
  })
  return closing
}

function cutOffLater({ server }: FastifyInstance, clock: Clock): void {
  const closed = new AbortController()
  server.once('close', () => closed.abort())
  void clock.sleep(limits.apiCloseTimeoutMs, closed.signal).then(() => server.closeAllConnections())
}
