import { createServer, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request as it passes: its kind, and how many of this kind have passed, from 1. */
export interface Passing {
  readonly api: 'Metadata' | 'CreateTopics' | 'DescribeConfigs' | 'AlterConfigs' | 'other'
  readonly count: number
}

/**
 * What happens to a request. `deny`: the broker does not get it, the client gets the error code. `lie`: the broker does
 * it, the client gets the error code. `cut`: the broker gets it, the client's connection ends without an answer.
 */
export type Fate = 'pass' | 'cut' | { readonly deny: number } | { readonly lie: number }

export const codes = {
  unknownTopic: 3,
  leaderNotAvailable: 5,
  requestTimedOut: 7,
  notController: 41,
  invalidReplicationFactor: 38,
} as const

const apis: Readonly<Record<number, Passing['api']>> = {
  3: 'Metadata',
  19: 'CreateTopics',
  32: 'DescribeConfigs',
  33: 'AlterConfigs',
}

interface Pending {
  readonly api: Passing['api']
  readonly version: number
  readonly request: Buffer
  readonly fate: Fate
}

/**
 * A proxy before one broker that changes its answers. It names itself as the broker in every answer, so that clients do
 * not pass it by. Resolves with its `host:port`.
 */
export async function faultyBroker(broker: string, fateOf: (passing: Passing) => Fate): Promise<string> {
  const [host, port] = broker.split(':') as [string, string]
  const counts = new Map<string, number>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host, port: Number(port) })
    const pending = new Map<number, Pending>()
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => (client.destroy(), upstream.destroy(), sockets.delete(socket)))
    }
    frames(client, (frame) => {
      const [key, version, id] = [frame.readInt16BE(4), frame.readInt16BE(6), frame.readInt32BE(8)]
      const api = apis[key] ?? 'other'
      const count = (counts.get(api) ?? 0) + 1
      counts.set(api, count)
      const fate = fateOf({ api, count })
      const asked = { api, version, request: frame, fate }
      if (typeof fate === 'object' && 'deny' in fate) return void client.write(denied(asked, id, fate.deny))
      pending.set(id, asked)
      upstream.write(frame)
    })
    frames(upstream, (frame) => {
      const id = frame.readInt32BE(4)
      const asked = pending.get(id)
      pending.delete(id)
      if (asked?.fate === 'cut') return client.destroy()
      const named = renamed(frame, Number(port), (server.address() as AddressInfo).port)
      if (typeof asked?.fate === 'object' && 'lie' in asked.fate) client.write(lied(asked, named, asked.fate.lie))
      else client.write(named)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Calls `take` with each whole frame: a length of 4 bytes, and so many bytes. */
function frames(socket: Socket, take: (frame: Buffer) => void): void {
  let held = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes])
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0)
      take(held.subarray(0, end))
      held = held.subarray(end)
    }
  })
}

/** The answer with another port after each name of the host: metadata and coordinators have host, then port. */
function renamed(frame: Buffer, from: number, to: number): Buffer {
  const address = Buffer.alloc(15)
  address.writeInt16BE(9, 0)
  address.write('127.0.0.1', 2)
  address.writeInt32BE(from, 11)
  const out = Buffer.from(frame)
  for (let at = out.indexOf(address); at >= 0; at = out.indexOf(address, at + 15)) out.writeInt32BE(to, at + 11)
  return out
}

/** The names of the topics in a request to create topics (version 2 or 3). */
function topicsOf({ request }: Pending): string[] {
  let at = 12
  const string = (): string => {
    const length = request.readInt16BE(at)
    at += 2 + Math.max(0, length)
    return length < 0 ? '' : request.toString('utf8', at - length, at)
  }
  const count = (): number => request.readInt32BE((at += 4) - 4)
  string() // the client's id
  return Array.from({ length: count() }, () => {
    const topic = string()
    at += 6 // partitions, copies
    for (let i = count(); i > 0; i--) {
      at += 4
      at += 4 * count()
    }
    for (let i = 2 * count(); i > 0; i--) string()
    return topic
  })
}

function answerOf(id: number, body: readonly Buffer[]): Buffer {
  const whole = Buffer.concat([Buffer.alloc(8), ...body])
  whole.writeInt32BE(whole.length - 4, 0)
  whole.writeInt32BE(id, 4)
  return whole
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int16 = (value: number): Buffer => int32(value).subarray(2)

/** Only requests to create topics are denied. */
function denied(asked: Pending, id: number, code: number): Buffer {
  if (asked.api !== 'CreateTopics') throw new Error(`${asked.api} cannot be denied`)
  const topics = topicsOf(asked)
  const each = topics.flatMap((topic) => [int16(topic.length), Buffer.from(topic), int16(code), int16(-1)])
  return answerOf(id, [int32(0), int32(topics.length), ...each])
}

/** The broker's answer with the error code in place of its own: that of each topic or resource. */
function lied(asked: Pending, frame: Buffer, code: number): Buffer {
  const id = frame.readInt32BE(4)
  if (asked.api === 'CreateTopics') return denied(asked, id, code)
  // Throttle time, then a list of which each entry begins with its error code.
  const out = Buffer.from(frame)
  if (asked.api !== 'Metadata') {
    if (out.readInt32BE(12) > 0) out.writeInt16BE(code, 16)
    return out
  }
  // Version 4: brokers, cluster, controller, then the topics.
  let at = 12
  const skip = (): void => void (at += 2 + Math.max(0, out.readInt16BE(at)))
  for (let i = out.readInt32BE((at += 4) - 4); i > 0; i--) {
    at += 4
    skip()
    at += 4
    skip()
  }
  skip()
  at += 4
  if (asked.version === 4 && out.readInt32BE(at) > 0) out.writeInt16BE(code, at + 4)
  return out
}
