import { checkVersion } from './seen-ids.js'
import { blobVersion } from './blob.js'

/** Key of the blob with the newest event time of each tenant. */
export const clocksKey = '#clocks'

/** The newest event time of one tenant; -Infinity before its first event. */
export interface TenantClock {
  readonly tenant: string
  newestMs: number
}

/** 1 byte version, then per tenant, in the order of their first events: 8 bytes time, 2 bytes length, UTF-8 name. */
export function encodeClocks(clocks: readonly TenantClock[]): Buffer {
  const names = clocks.map(({ tenant }) => Buffer.from(tenant))
  const blob = Buffer.alloc(names.reduce((total, name) => total + 10 + name.length, 1))
  blob[0] = blobVersion
  let at = 1
  clocks.forEach(({ newestMs }, i) => {
    at = blob.writeDoubleLE(newestMs, at)
    at = blob.writeUInt16LE(names[i]!.length, at)
    at += names[i]!.copy(blob, at)
  })
  return blob
}

export function decodeClocks(blob: Buffer): readonly TenantClock[] {
  checkVersion(blob)
  const clocks: TenantClock[] = []
  for (let at = 1; at < blob.length;) {
    const length = blob.readUInt16LE(at + 8)
    clocks.push({ tenant: blob.toString('utf8', at + 10, at + 10 + length), newestMs: blob.readDoubleLE(at) })
    at += 10 + length
  }
  return clocks
}

/** The oldest of the clocks; -Infinity while there is none. */
export function oldestMs(clocks: readonly TenantClock[]): number {
  let oldest = Infinity
  for (const { newestMs } of clocks) oldest = Math.min(oldest, newestMs)
  return oldest === Infinity ? -Infinity : oldest
}
