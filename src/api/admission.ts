/** How much may be under way at once. Beyond that a request is told to come again, before its body is read. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { limits } from '../limits.js'
import { Refusal } from './problems.js'

/** What is under way now. */
export interface InFlight {
  requests: number
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

/** Bounds what the routes of this plugin hold in memory. Refuses everything once `closing` says so. */
export function boundInFlight(app: FastifyInstance, inFlight: InFlight, bounds: AdmissionBounds, closing: () => boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (closing()) return done(new Refusal('CLOSING', 'The engine is shutting down.'))
    const bytes = bytesOf(request)
    if (inFlight.requests >= bounds.requests || (bytes > 0 && inFlight.bytes + bytes > bounds.bytes && inFlight.bytes > 0)) {
      return done(new Refusal('OVERLOADED', `${inFlight.requests} requests with ${inFlight.bytes} bytes are under way; come again.`))
    }
    inFlight.requests++
    inFlight.bytes += bytes
    // Comes once, whether the answer was sent whole or the caller went away.
    reply.raw.once('close', () => {
      inFlight.requests--
      inFlight.bytes -= bytes
    })
    done()
  })
}
