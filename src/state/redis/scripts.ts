import { createHash } from 'node:crypto'

/** A Lua script and its SHA1, by which Redis finds it. Scripts are atomic: Redis runs nothing else meanwhile. */
export interface RedisScript {
  readonly lua: string
  readonly sha: string
}

const script = (lua: string): RedisScript => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

/** The most keys and values of one call. Lua's `unpack` fails at about 8,000. */
export const sliceValues = 6_000

/** Reads the meta text (see layout.ts); returns nils where there is none. */
const readMeta = `
local function read(key)
  return string.match(redis.call('GET', key) or '', '^(%d+) (%-?%d+) (%d+) (%S+) (%-?%d+) (%S+) (.*)$')
end
`

/**
 * KEYS meta, expiry, dropped. ARGV identity, tail epoch, covered, claim. Returns epoch and last. The script writes the
 * meta first, because a server without free memory refuses the first write of a script and allows the later ones.
 */
export const claimScript = script(`${readMeta}
local epoch, last, since, commit, whole, claim, identity = read(KEYS[1])
epoch = string.format('%.0f', 1 + math.max(tonumber(epoch or 0), tonumber(ARGV[2])))
local kept = identity == ARGV[1]
if not kept then last, since, commit, whole = '-1', epoch, '-', ARGV[3] end
redis.call('SET', KEYS[1], table.concat({epoch, last, since, commit, whole, ARGV[4], ARGV[1]}, ' '))
if not kept and redis.call('EXISTS', KEYS[2]) == 1 then
  if redis.call('EXISTS', KEYS[3]) == 0 then
    redis.call('RENAME', KEYS[2], KEYS[3])
  else
    redis.call('ZUNIONSTORE', KEYS[3], 2, KEYS[2], KEYS[3])
    redis.call('UNLINK', KEYS[2])
  end
end
return {epoch, last}
`)

/**
 * KEYS meta, expiry, then one key per blob: puts before deletes. ARGV epoch, previous, last, commit, claim, number of
 * puts, length of the blobs' prefix, then one value per put. Returns OK; FENCED with the stored epoch; or CONFLICT with
 * the stored offset. A commit that is already stored returns OK: the answer to its first try was lost. The index gets
 * new blobs only. A blob that it already holds keeps its place there, at or before its expiry; a sweep corrects it.
 */
export const commitScript = script(`${readMeta}
local epoch, last, since, commit, whole, claim, identity = read(KEYS[1])
if epoch ~= ARGV[1] or claim ~= ARGV[5] then return {'FENCED', epoch or '0'} end
if commit == ARGV[4] then return {'OK'} end
if last ~= ARGV[2] then return {'CONFLICT', last} end
redis.call('SET', KEYS[1], table.concat({epoch, ARGV[3], since, ARGV[4], whole, claim, identity}, ' '))
local puts, prefix, slice = tonumber(ARGV[6]), tonumber(ARGV[7]) + 1, ${sliceValues / 2}
for from = 1, puts, slice do
  local values, entries, n = {}, {}, 0
  for i = from, math.min(from + slice - 1, puts) do
    local key, value = KEYS[i + 2], ARGV[i + 7]
    values[n + 1], values[n + 2] = key, value
    entries[n + 1], entries[n + 2] = struct.unpack('<d', value, 9), string.sub(key, prefix)
    n = n + 2
  end
  redis.call('MSET', unpack(values))
  redis.call('ZADD', KEYS[2], 'NX', unpack(entries))
end
for from = puts + 3, #KEYS, slice do
  local keys, entries, n = {}, {}, 0
  for i = from, math.min(from + slice - 1, #KEYS) do
    n = n + 1
    keys[n], entries[n] = KEYS[i], string.sub(KEYS[i], prefix)
  end
  redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', KEYS[2], unpack(entries))
end
return {'OK'}
`)

/**
 * KEYS meta, index (expiry or dropped), at most as many blobs as fit a slice. ARGV time, length of the blobs' prefix, 1
 * for the dropped index, epoch, claim and last of the owner. Returns the number of removed blobs; 0 where the store is
 * not as the owner left it. The script checks every blob again, because a blob may be newer than its index entry.
 */
export const sweepScript = script(`${readMeta}
local epoch, last, since, commit, whole, claim = read(KEYS[1])
if epoch ~= ARGV[4] or claim ~= ARGV[5] or tonumber(last) < tonumber(ARGV[6]) then return 0 end
since = tonumber(since)
local now, prefix, dropped = tonumber(ARGV[1]), tonumber(ARGV[2]) + 1, ARGV[3] == '1'
local gone, out, renewed = {}, {}, {}
for i = 3, #KEYS do
  local entry, head = string.sub(KEYS[i], prefix), redis.call('GETRANGE', KEYS[i], 0, 15)
  local writer, expiry = since, math.huge
  if #head == 16 then writer, expiry = struct.unpack('<dd', head) end
  if writer < since or (expiry < now and not dropped) then
    gone[#gone + 1], out[#out + 1] = KEYS[i], entry
  elseif dropped or #head < 16 then
    out[#out + 1] = entry
  else
    renewed[#renewed + 1], renewed[#renewed + 2] = expiry, entry
  end
end
if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
if #out > 0 then redis.call('ZREM', KEYS[2], unpack(out)) end
if #renewed > 0 then redis.call('ZADD', KEYS[2], 'XX', unpack(renewed)) end
return #gone
`)
