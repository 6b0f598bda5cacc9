/** Where the API is heard. */
import type { FastifyInstance } from 'fastify'
import { EngineError, errnoOf } from '../../base/errors.js'

/**
 * Listens and gives the address. `anyPort`: where the port is taken another free one will do. Throws BAD_CONFIG when a
 * port that was asked for is taken or may not be used.
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
        `port ${port} of ${host} is taken; name another one, or 0 for any that is free`,
        { cause: error },
      )
    if (errno === 'EACCES' || errno === 'EADDRNOTAVAIL')
      throw new EngineError(
        'BAD_CONFIG',
        `cannot listen on ${host}:${port} (${errno}); name an address of this machine and a port you may use`,
        { cause: error },
      )
    throw error
  }
}
