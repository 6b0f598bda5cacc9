import { createHash } from 'node:crypto'
import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { LogRecord, NewRecord } from '../../log/event-log.js'
import { modelPath, type ModelFiles, type ModelName } from '../../scorers/model-store.js'

/** A part of a model that fits in one record. */
export interface Piece {
  readonly name: ModelName
  /** SHA-256 of all pieces together, hex. */
  readonly content: string
  readonly index: number
  readonly count: number
  readonly bytes: Buffer
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** The head: magic bytes of the format, then the lengths of manifest, card and model, which follow in this order. */
const head = { magic: Buffer.from('TMM1'), bytes: 16 }

/** Cuts a model into pieces. Throws TOO_LARGE. */
export function cut(name: ModelName, { manifest, card, model }: ModelFiles): Piece[] {
  const lengths = Buffer.alloc(head.bytes - head.magic.length)
  for (const [place, part] of [manifest, card, model].entries()) lengths.writeUInt32LE(part.length, 4 * place)
  const whole = Buffer.concat([head.magic, lengths, manifest, card, model])
  if (whole.length > limits.modelBytes)
    throw new EngineError(
      'TOO_LARGE',
      `model ${modelPath(name)} has ${whole.length} bytes, at most ${limits.modelBytes} are published`,
    )
  const content = sha256(whole)
  const count = Math.ceil(whole.length / limits.modelPieceBytes)
  return Array.from({ length: count }, (_, index) => ({
    name,
    content,
    index,
    count,
    bytes: whole.subarray(index * limits.modelPieceBytes, (index + 1) * limits.modelPieceBytes),
  }))
}

/** Joins all pieces of a model, in order. Throws MODEL_DAMAGED where they are not what was published. */
export function assemble(name: ModelName, content: string, pieces: readonly Buffer[]): ModelFiles {
  const whole = Buffer.concat(pieces)
  if (sha256(whole) !== content)
    throw new EngineError(
      'MODEL_DAMAGED',
      `model ${modelPath(name)}: its pieces together do not have the hash ${content.slice(0, 12)} of what was cut`,
    )
  if (!whole.subarray(0, head.magic.length).equals(head.magic))
    throw new EngineError(
      'MODEL_DAMAGED',
      `model ${modelPath(name)} was published in a format that this build does not know: it was written by a ` +
        'newer one',
    )
  const [manifest, card, model] = [0, 1, 2].map((place) => whole.readUInt32LE(head.magic.length + 4 * place)) as [
    number,
    number,
    number,
  ]
  if (head.bytes + manifest + card + model !== whole.length)
    throw new EngineError(
      'MODEL_DAMAGED',
      `model ${modelPath(name)}: the lengths of its parts do not add up to that of the whole`,
    )
  const cardAt = head.bytes + manifest
  return {
    manifest: whole.subarray(head.bytes, cardAt),
    card: whole.subarray(cardAt, cardAt + card),
    model: whole.subarray(cardAt + card),
  }
}

/**
 * Each piece has its own key, because a compacted topic keeps only the last record of a key. The key contains the
 * content, so that pieces of two models under one name never mix.
 */
export const recordOf = ({ name, content, index, count, bytes }: Piece): NewRecord => ({
  key: Buffer.from(`${modelPath(name)}/${content}/${index}`),
  value: bytes,
  headers: { pieces: Buffer.from(String(count)), sha256: Buffer.from(sha256(bytes)) },
})

/** The piece in a record; a string says why the record holds none. */
export function pieceOf({ key, value, headers }: LogRecord): Piece | string {
  const [, family, scope, version, content, place] =
    /^([^/]+)\/([^/]+)\/([^/]+)\/([0-9a-f]{64})\/(\d+)$/.exec(key?.toString() ?? '') ?? []
  if (family === undefined || value === null)
    return `its key ${JSON.stringify(key?.toString() ?? null)} is not that of a piece of a model, or it has no value`
  const name = { family, scope: scope!, version: version! }
  const count = Number(headers['pieces']?.toString())
  const index = Number(place)
  if (!(index < count && count <= Math.ceil(limits.modelBytes / limits.modelPieceBytes)))
    return `model ${family}/${scope!}/${version!} cannot have a piece ${index} of ${count}`
  if (sha256(value) !== headers['sha256']?.toString())
    return (
      `piece ${index + 1} of ${count} of model ${family}/${scope!}/${version!} is damaged: its bytes do not have ` +
      'the hash in its header'
    )
  return { name, content: content!, index, count, bytes: value }
}
