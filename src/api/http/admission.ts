/** Bounds what is in flight at once. Requests above the bound get 503 with Retry-After before their body is read. */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import { Refusal } from './problems.js'

/** The requests in flight. */
export interface InFlight {
  readonly answers: Set<ServerResponse>
  /** Sum of the bodies. */
  bytes: number
}

export interface AdmissionBounds {
  readonly requests: number
  readonly bytes: number
}

export const defaultBounds: AdmissionBounds = { requests: limits.apiInFlightRequests, bytes: limits.apiInFlightBytes }

/** Length of the body; the maximum when it is unknown, as that of a compressed body is. */
function bytesOf({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined || headers['content-encoding'] !== undefined)
    return limits.apiBodyBytes
  const length = Number(headers['content-length'] ?? 0)
  return Number.isFinite(length) ? length : limits.apiBodyBytes
}

/** Bounds the memory that requests to this plugin's routes take. Refuses every request once the API closes. */
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
          `${inFlight.answers.size} requests with ${inFlight.bytes} bytes are in flight; try again later.`,
        ),
      )
    }
    inFlight.answers.add(reply.raw)
    inFlight.bytes += bytes
    // Fires once, whether the whole answer was sent or the caller disconnected.
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
 * On `close`, finishes the requests in flight. Each answer closes its connection, so that no caller sends another
 * request on a closing one. After the time limit the remaining connections are cut.
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
