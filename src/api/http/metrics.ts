/** Metrics of the API itself, in the registry that the whole engine shares. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { FastifyInstance } from 'fastify'
import type { InFlight } from './admission.js'
import { isRejected } from '../../contracts/scoring.js'

/** Seconds, from 0.25 ms (a predict takes 1-2 ms) to the longest time that a request may take. */
const buckets = [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 30]

export type Way = 'ingest' | 'predict'

export interface ApiMetrics {
  /** Counts the accepted and rejected events of one request. */
  events(way: Way, stream: string, results: readonly object[]): void
}

/** Registers the API's metrics. Times are labelled with the route's pattern, never with the URL. */
export function apiMetrics(app: FastifyInstance, registry: Registry, inFlight: InFlight): ApiMetrics {
  const duration = new Histogram({
    name: 'tidemill_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets,
    registers: [registry],
  })
  const events = new Counter({
    name: 'tidemill_api_events_total',
    help: 'Events received over HTTP, by result.',
    labelNames: ['way', 'stream', 'result'] as const,
    registers: [registry],
  })
  gauge(registry, 'tidemill_http_in_flight_requests', 'Requests in flight.', () => inFlight.answers.size)
  gauge(registry, 'tidemill_http_in_flight_bytes', 'Bytes of the bodies of requests in flight.', () => inFlight.bytes)

  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    duration.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000)
    done()
  })

  return {
    events(way, stream, results) {
      let rejected = 0
      for (const result of results) if (isRejected(result)) rejected++
      if (rejected < results.length) events.labels(way, stream, 'accepted').inc(results.length - rejected)
      if (rejected > 0) events.labels(way, stream, 'rejected').inc(rejected)
    },
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}
