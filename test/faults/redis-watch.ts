import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a Redis server on which one sees how often it refused a commit. */
export interface RedisWatch {
  readonly port: number
  /** Commits that were refused: their owner was replaced, or the state was not the one it had left. */
  readonly refused: number
  close(): Promise<void>
}

/** How the script's answer begins on the wire, either way: a list whose first text says why. */
const refusal = /\$(?:6\r\nFENCED|8\r\nCONFLICT)\r\n/g

export async function watchRedis(server: number): Promise<RedisWatch> {
  let refused = 0
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const upstream = connect(server, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(upstream)
    upstream.pipe(client)
    upstream.on('data', (answer: Buffer) => (refused += answer.toString('latin1').match(refusal)?.length ?? 0))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    get refused() {
      return refused
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
