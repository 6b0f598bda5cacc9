import { isUtf8 } from 'node:buffer'
import { EngineError } from '../../base/errors.js'
import { notUtf8 } from '../../base/utf8.js'
import type { AvroNode } from './avro-node.js'

/** Data that is nested deeper than this is refused: skipping it is recursive. */
const deepest = 500
/** Decimals of more bytes than this (150 digits) are refused: their conversion takes quadratic time. */
const decimalBytes = 64

/** Node's own methods, without the checks of `toString`; its types lack them. */
interface Slices {
  latin1Slice(from: number, to: number): string
  utf8Slice(from: number, to: number): string
}

const none = Buffer.alloc(0) as Buffer & Slices

/** Values read in more than this many bytes of a number, beyond which doubles are not exact. */
const exactHigh = 2 ** 26

/**
 * Reads the parts of one Avro datum, one after another. Every method throws BAD_AVRO for bytes that are not Avro. It
 * reads 64-bit numbers exactly and takes no text that is not UTF-8, where the usual library rounds and replaces.
 */
export class AvroInput {
  #bytes = none
  #at = 0

  /** Begins a datum. */
  open(bytes: Buffer, from: number): void {
    this.#bytes = bytes as Buffer & Slices
    this.#at = from
  }

  /** The position of the next byte. */
  get at(): number {
    return this.#at
  }

  /** Throws unless the datum ends where its bytes end. */
  end(): void {
    const left = this.#bytes.length - this.#at
    if (left < 0) throw this.#cutOff()
    if (left > 0) throw new EngineError('BAD_AVRO', `${left} bytes follow the event`)
  }

  boolean(): boolean {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw this.#cutOff()
    if (byte > 1) throw new EngineError('BAD_AVRO', `a boolean is 0 or 1, not ${byte}`)
    return byte === 1
  }

  int(): number {
    const value = this.long()
    if (typeof value === 'bigint' || value !== (value | 0))
      throw new EngineError('BAD_AVRO', `an int has 32 bits, which ${value} exceeds`)
    return value
  }

  /** A bigint where a double would not be exact. */
  long(): number | bigint {
    const bytes = this.#bytes
    let at = this.#at
    let byte = bytes[at++]!
    let low = byte & 0x7f
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++]!
      low |= (byte & 0x7f) << shift
    }
    if (!(byte >= 0x80)) {
      if (at > bytes.length) throw this.#cutOff()
      this.#at = at
      return (low >>> 1) ^ -(low & 1)
    }
    let high = 0
    for (let shift = 0; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++]!
      high |= (byte & 0x7f) << shift
    }
    if (at > bytes.length) throw this.#cutOff()
    if (byte >= 0x80 || high >= exactHigh) return this.#big()
    this.#at = at
    const half = high * 2 ** 27 + (low >>> 1)
    return (low & 1) === 1 ? -half - 1 : half
  }

  #big(): number | bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw this.#cutOff()
      if (shift > 63n) throw new EngineError('BAD_AVRO', 'a long has more than 64 bits')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    const exact = BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    return exact >= Number.MIN_SAFE_INTEGER && exact <= Number.MAX_SAFE_INTEGER ? Number(exact) : exact
  }

  /** A long of smaller units, rounded down. */
  longIn(units: number): number {
    const value = this.long()
    if (typeof value === 'number') {
      const rest = value % units
      return (value - rest) / units - (rest < 0 ? 1 : 0)
    }
    const divisor = BigInt(units)
    return Number(value / divisor - (value % divisor < 0n ? 1n : 0n))
  }

  float(): number {
    const from = this.#take(4)
    return this.#bytes.readFloatLE(from)
  }

  double(): number {
    const from = this.#take(8)
    return this.#bytes.readDoubleLE(from)
  }

  /** `name` is the field, for the message. */
  text(name: string): string {
    const length = this.#length()
    const bytes = this.#bytes
    const from = this.#take(length)
    const to = from + length
    for (let i = from; i < to; i++) if (bytes[i]! >= 0x80) return this.#wideText(from, to, name)
    return bytes.latin1Slice(from, to)
  }

  #wideText(from: number, to: number, name: string): string {
    const text = this.#bytes.utf8Slice(from, to)
    if (text.includes('\ufffd')) {
      const bytes = this.#bytes.subarray(from, to)
      if (!isUtf8(bytes))
        throw new EngineError('BAD_AVRO', `the text of field '${name}' is ${notUtf8(bytes)}`, { field: name })
    }
    return text
  }

  /** The index of a branch of a union or of a symbol of an enum. */
  index(count: number, of: string): number {
    const index = this.int()
    if (index < 0 || index >= count) throw new EngineError('BAD_AVRO', `there is no ${of} ${index} among ${count}`)
    return index
  }

  /** The nearest double of a decimal of a fixed size, or of bytes. */
  decimal(scale: number, size = this.#length()): number {
    const from = this.#take(size)
    if (size > decimalBytes) throw new EngineError('BAD_AVRO', `a decimal of ${size} bytes, at most ${decimalBytes}`)
    const hex = this.#bytes.toString('hex', from, from + size)
    const unscaled = size === 0 ? 0n : BigInt.asIntN(size * 8, BigInt(`0x${hex}`))
    return Number(`${unscaled}e-${scale}`)
  }

  skip(node: AvroNode, depth = 0): void {
    if (depth > deepest) throw new EngineError('BAD_AVRO', `the data is nested deeper than ${deepest} levels`)
    switch (node.kind) {
      case 'null':
        return
      case 'boolean':
        return void this.#take(1)
      case 'int':
      case 'long':
      case 'enum':
        return void this.long()
      case 'float':
        return void this.#take(4)
      case 'double':
        return void this.#take(8)
      case 'bytes':
      case 'string':
        return void this.#take(this.#length())
      case 'fixed':
        return void this.#take(node.size)
      case 'union':
        return this.skip(node.branches[this.index(node.branches.length, 'branch')]!, depth + 1)
      case 'record':
        for (const field of node.fields) this.skip(field.of, depth + 1)
        return
      case 'array':
      case 'map':
        return this.#skipBlocks(node, depth)
    }
  }

  /** Items without bytes are not counted through: their number may be any. */
  #skipBlocks({ kind, of }: { readonly kind: 'array' | 'map'; readonly of: AvroNode }, depth: number): void {
    for (let count = this.#number(); count !== 0; count = this.#number()) {
      if (count < 0) {
        this.#take(this.#length())
        continue
      }
      for (let i = 0; i < count; i++) {
        const before = this.#at
        if (kind === 'map') this.#take(this.#length())
        this.skip(of, depth + 1)
        if (this.#at === before) break
      }
    }
  }

  /** The position of the next bytes, which it passes. */
  #take(length: number): number {
    const from = this.#at
    this.#at = from + length
    if (this.#at > this.#bytes.length) throw this.#cutOff()
    return from
  }

  #number(): number {
    return Number(this.long())
  }

  #length(): number {
    const length = this.#number()
    if (length < 0) throw new EngineError('BAD_AVRO', `a length of ${length} bytes`)
    return length
  }

  #cutOff(): EngineError {
    return new EngineError('BAD_AVRO', `cut off: ${this.#bytes.length} bytes do not contain a complete event`)
  }
}
