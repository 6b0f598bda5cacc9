import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { RedisAddress } from '../../../src/state/redis/connection.js'

/** A proxy in front of a server that can lose or delay answers. */
export interface Proxy {
  readonly address: RedisAddress
  /** Passes the next command on, waits for its answer, and cuts the connection instead of returning the answer. */
  loseNextAnswer(): void
  /** Passes commands on and holds back every answer. */
  holdAnswers(): void
  /** Connections made so far. */
  readonly connections: number
}

export async function proxyTo(server: RedisAddress): Promise<Proxy> {
  let [losing, holding, connections] = [false, false, 0]
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    connections++
    const upstream = connect(server.port, server.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.pipe(upstream)
    upstream.on('data', (answer) => {
      if (holding) return
      if (!losing) return void client.write(answer)
      losing = false
      client.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
    await once(proxy, 'close')
  })
  return {
    address: { host: '127.0.0.1', port: (proxy.address() as AddressInfo).port },
    loseNextAnswer: () => void (losing = true),
    holdAnswers: () => void (holding = true),
    get connections() {
      return connections
    },
  }
}
