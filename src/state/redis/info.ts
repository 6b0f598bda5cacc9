import { EngineError } from '../../base/errors.js'

/** What one Redis server reports about itself. */
export interface RedisServerView {
  /** `host:port`. */
  readonly node: string
  readonly version: string
  /** What the server does when its memory is full; state needs `noeviction`. */
  readonly policy: string
  readonly usedBytes: number
  /** 0 for no bound. */
  readonly maxBytes: number
  /** Whether answered commits survive a crash of the server, except those of the last second. */
  readonly appendOnly: boolean
  /** The server's clock when it answered, epoch ms. */
  readonly nowMs: number
}

const [major, minor] = [6, 2]

const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]

/** From the answers of INFO and TIME. */
export const viewOf = (
  node: string,
  info: string,
  [seconds, micros]: readonly (string | number)[],
): RedisServerView => ({
  node,
  version: fieldOf(info, 'redis_version') ?? 'unknown',
  policy: fieldOf(info, 'maxmemory_policy') ?? 'unknown',
  usedBytes: Number(fieldOf(info, 'used_memory') ?? 0),
  maxBytes: Number(fieldOf(info, 'maxmemory') ?? 0),
  appendOnly: fieldOf(info, 'aof_enabled') === '1',
  nowMs: Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000),
})

/** Checks the answer of INFO, because managed servers may forbid CONFIG. Throws BAD_CONFIG. */
export function checkServer(info: string): void {
  const version = fieldOf(info, 'redis_version') ?? 'unknown'
  const [theirMajor = 0, theirMinor = 0] = version.split('.').map(Number)
  if (!(theirMajor > major || (theirMajor === major && theirMinor >= minor)))
    throw new EngineError('BAD_CONFIG', `Redis has version ${version}; state needs ${major}.${minor} or newer`)
  const policy = fieldOf(info, 'maxmemory_policy') ?? 'unknown'
  if (policy !== 'noeviction')
    throw new EngineError(
      'BAD_CONFIG',
      `Redis would evict state: its maxmemory-policy is '${policy}'. Set it to noeviction (CONFIG SET ` +
        'maxmemory-policy noeviction, and in redis.conf or the parameter group), or use a server of its own',
    )
}
