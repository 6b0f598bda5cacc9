/** Opens the API's port. */
import type { FastifyInstance } from 'fastify'
import { EngineError, errnoOf } from '../../base/errors.js'

/**
 * Listens and returns the address. With `anyPort`, another free port replaces one that is in use. Throws BAD_CONFIG
 * when the port is in use or not permitted.
 */
export async function listen(
  app: FastifyInstance,
  { host, port, anyPort }: { readonly host: string; readonly port: number; readonly anyPort: boolean },
): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'EADDRINUSE' && anyPort) return app.listen({ host, port: 0 })
    if (errno === 'EADDRINUSE')
      throw new EngineError(
        'BAD_CONFIG',
        `port ${port} of ${host} is in use; set another port, or 0 for any free port`,
        { cause: error },
      )
    if (errno === 'EACCES' || errno === 'EADDRNOTAVAIL')
      throw new EngineError(
        'BAD_CONFIG',
        `cannot listen on ${host}:${port} (${errno}); set an address of this machine and a port that you may use`,
        { cause: error },
      )
    throw error
  }
}
