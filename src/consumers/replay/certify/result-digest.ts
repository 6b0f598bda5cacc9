import { createHash } from 'node:crypto'
import type { RowRef } from '../../ground/block-rows.js'

/** SHA-256 over values. The length of each value comes first, so that no two lists of values make the same bytes. */
export interface Digest {
  text(value: string): void
  number(value: number): void
  bytes(value: Uint8Array): void
  /** Hex. */
  end(): string
}

const bufferBytes = 64 * 1024

export function openDigest(): Digest {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(bufferBytes)
  let at = 0
  const reserve = (bytes: number): void => {
    if (at + bytes <= bufferBytes) return
    hash.update(buffer.subarray(0, at))
    at = 0
  }
  const put = (value: Uint8Array): void => {
    if (value.length > bufferBytes) {
      reserve(bufferBytes)
      hash.update(value)
      return
    }
    reserve(value.length)
    buffer.set(value, at)
    at += value.length
  }
  const digest: Digest = {
    number(value) {
      reserve(8)
      at = buffer.writeDoubleLE(value, at)
    },
    bytes(value) {
      digest.number(value.length)
      put(value)
    },
    text(value) {
      const length = Buffer.byteLength(value)
      digest.number(length)
      if (length > bufferBytes) return put(Buffer.from(value))
      reserve(length)
      at += buffer.write(value, at, 'utf8')
    },
    end() {
      reserve(bufferBytes)
      return hash.digest('hex')
    },
  }
  return digest
}

const vectorOf = ({ block, row }: RowRef): Float32Array =>
  block.vectors.subarray(row * block.width, (row + 1) * block.width)
const bytesOf = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
const versionOf = ({ block, row }: RowRef): string => block.versions[block.versionOf[row]!] ?? ''

/** The fields of a result, in the order of comparison and digest. A duplicate notice has no score and no vector. */
const always = ['kind', 'event_id', 'tenant', 'entity', 'event_time', 'late', 'fingerprint'] as const
const scored = ['vector', 'version', 'score', 'served_by', 'risk', 'reasons'] as const
export type ResultField = (typeof always)[number] | (typeof scored)[number]

type Value = string | number | Uint8Array

const values: Readonly<Record<ResultField, (ref: RowRef) => Value>> = {
  kind: ({ block, row }) => block.kinds[row]!,
  event_id: ({ block, row }) => block.eventIds[row]!,
  tenant: ({ block, row }) => block.tenants[row]!,
  entity: ({ block, row }) => block.entities[row]!,
  event_time: ({ block, row }) => block.eventTimes[row]!,
  late: ({ block, row }) => block.flags[row]!,
  fingerprint: ({ block }) => block.fingerprint,
  vector: (ref) => bytesOf(vectorOf(ref)),
  version: versionOf,
  score: ({ block, row }) => block.scores[row]!,
  served_by: ({ block, row }) => block.by[row]!,
  risk: ({ block, row }) => block.risks[row]!,
  reasons: ({ block, row }) => block.reasons[row]!,
}

const fieldsOf = ({ block, row }: RowRef): readonly ResultField[] =>
  block.kinds[row] === 0 ? [...always, ...scored] : always
const allFields: readonly ResultField[] = [...always, ...scored]

/** Adds one result, its offset first. */
export function digestRow(digest: Digest, ref: RowRef): void {
  digest.number(ref.block.offsets[ref.row]!)
  const isScored = ref.block.kinds[ref.row] === 0
  for (let i = 0; i < (isScored ? allFields : always).length; i++) {
    const value = values[allFields[i]!](ref)
    if (typeof value === 'string') digest.text(value)
    else if (typeof value === 'number') digest.number(value)
    else digest.bytes(value)
  }
}

const same = (left: Value, right: Value): boolean =>
  left instanceof Uint8Array && right instanceof Uint8Array ? Buffer.compare(left, right) === 0 : Object.is(left, right)

/** The first field in which two results of one offset differ. */
export const differingField = (left: RowRef, right: RowRef): ResultField | undefined =>
  fieldsOf(left).find((field) => !same(values[field](left), values[field](right)))

/** A field for people to read: a vector as its numbers. */
export const shownField = (ref: RowRef, field: ResultField): string | number => {
  const value = values[field](ref)
  return value instanceof Uint8Array ? [...vectorOf(ref)].join(' ') : value
}
