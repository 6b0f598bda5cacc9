/** The HTTP API over the engine's ports. */
import { randomBytes } from 'node:crypto'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import type { Clock } from '../base/clock.js'
import { limits } from '../base/limits.js'
import { boundInFlight, closeGently, defaultBounds, type AdmissionBounds, type InFlight } from './http/admission.js'
import { requireKeys } from './http/auth.js'
import { backupRoutes } from './routes/backups.js'
import { acceptBodies } from './http/bodies.js'
import { conflictRoutes } from './routes/predict-conflict.js'
import type { ApiContext } from './http/context.js'
import { deadLetterRoutes } from './routes/dead-letters.js'
import { eventRoutes } from './routes/events.js'
import { featureRoutes } from './routes/features.js'
import { healthRoutes } from './routes/health.js'
import type { KeyStore } from './keys/key-file.js'
import { keyRoutes } from './routes/keys.js'
import { apiMetrics } from './http/metrics.js'
import { openApi } from './http/openapi.js'
import { outcomeRoutes } from './routes/outcomes.js'
import { partitionRoutes } from './routes/partitions.js'
import type { ApiPorts } from '../contracts/api.js'
import { predictRoutes } from './routes/predict.js'
import { predictionRoutes } from './routes/predictions.js'
import { answerProblems, honestHeaders, refuseUnrouted } from './http/refuse.js'
import { runRoutes } from './routes/runs.js'
import { sqlRoutes } from './routes/sql.js'
import { streamRoutes } from './routes/streams.js'
import { tenantRoutes } from './routes/tenants.js'
import { compileValidator } from './http/validate.js'

export interface ApiParts {
  readonly ports: ApiPorts
  readonly keys: KeyStore
  readonly clock: Clock
  /** Receives errors only, each with the request id that the answer contains; requests are not logged. */
  readonly logger: FastifyBaseLogger
  /** The product's version, for the OpenAPI document. */
  readonly version: string
  readonly bounds?: AdmissionBounds
  /** The tenant of an operator's request that names none. */
  readonly defaultTenant?: string | undefined
}

/** Builds the API of a process without the role `api`: it has metrics and health only. */
export async function buildHealthApi({
  ports,
  clock,
  logger,
}: Pick<ApiParts, 'clock' | 'logger'> & {
  readonly ports: Pick<ApiPorts, 'metrics' | 'readiness'>
}): Promise<FastifyInstance> {
  const app = server(logger)
  const closing = closeGently(app, { answers: new Set(), bytes: 0 }, clock)
  answerProblems(app)
  healthRoutes(app, ports, closing)
  return app
}

function server(logger: FastifyBaseLogger): FastifyInstance {
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    genReqId: requestIds(),
    childLoggerFactory: (parent) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.apiBodyBytes,
    requestTimeout: limits.apiReceiveTimeoutMs,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => refuseUnrouted(error, request, reply),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000 },
  })
  app.setValidatorCompiler(compileValidator)
  app.setSerializerCompiler(() => JSON.stringify)

  app.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(honestHeaders)
    done()
  })
  return app
}

/**
 * Builds the API; `listen` or `inject` starts it. `close` finishes the requests in flight and refuses new ones.
 */
export async function buildApi({
  ports,
  keys,
  clock,
  logger,
  version,
  bounds = defaultBounds,
  defaultTenant,
}: ApiParts): Promise<FastifyInstance> {
  const app = server(logger)
  const inFlight: InFlight = { answers: new Set(), bytes: 0 }
  const closing = closeGently(app, inFlight, clock)
  const metrics = apiMetrics(app, ports.metrics, inFlight)
  const context: ApiContext = { ports, keys, clock, metrics, defaultTenant }

  answerProblems(app)
  await openApi(app, { version, streams: () => ports.scoring.streams(), clock })
  healthRoutes(app, ports, closing)
  await app.register(
    async (api) => {
      api.addHook('onRequest', (_request, reply, done) => {
        void reply.header('cache-control', 'no-store')
        done()
      })
      requireKeys(api, { keys, clock, tenants: ports.tenants })
      boundInFlight(api, inFlight, bounds, closing)
      acceptBodies(api)
      for (const routes of [
        eventRoutes,
        conflictRoutes,
        predictRoutes,
        predictionRoutes,
        sqlRoutes,
        featureRoutes,
        streamRoutes,
        outcomeRoutes,
        deadLetterRoutes,
        keyRoutes,
        tenantRoutes,
        partitionRoutes,
        backupRoutes,
        runRoutes,
      ])
        routes(api, context)
    },
    { prefix: '/api/v2' },
  )
  return app
}

/** Ids that differ between requests and between runs of the engine. */
function requestIds(): () => string {
  const run = randomBytes(4).toString('hex')
  let count = 0
  return () => `${run}-${++count}`
}
