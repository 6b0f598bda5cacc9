/**
 * Encodes columns in ClickHouse's Native format: varint(columns) varint(rows), then per column its name, its type and
 * its values without separators. Numbers are little-endian, as on every CPU that Node and ClickHouse support.
 * Source of the layout: https://clickhouse.com/docs/interfaces/formats/Native
 */

/** A column as a sequence of pieces, so that several blocks become one insert without a copy. */
export type Column =
  | { readonly type: 'String'; readonly of: readonly (readonly string[])[] }
  /** Strings given as bytes; null is the empty string. */
  | { readonly type: 'String'; readonly bytes: readonly (Uint8Array | null)[] }
  /** Strings encoded in this format already: per row the length as a varint, then UTF-8. */
  | { readonly type: 'String'; readonly encoded: readonly { readonly rows: number; readonly encoded: Uint8Array }[] }
  | { readonly type: 'LowCardinality(String)'; readonly of: Dictionary }
  | { readonly type: 'UInt8'; readonly of: readonly Uint8Array[] }
  | { readonly type: 'UInt16'; readonly of: readonly Uint16Array[] }
  | { readonly type: 'UInt32'; readonly of: readonly Uint32Array[] }
  | { readonly type: 'UInt64'; readonly of: readonly BigUint64Array[] }
  /** Whole numbers of at most 53 bits; a time is epoch ms, and one out of the type's range becomes its nearest. */
  | { readonly type: 'Int64' | "DateTime64(3, 'UTC')"; readonly of: readonly Float64Array[] }
  | { readonly type: 'Float32'; readonly of: readonly Float32Array[] }
  | { readonly type: 'Float64'; readonly of: readonly Float64Array[] }
  /** Row-major; each piece has its own width. */
  | {
      readonly type: 'Array(Float32)'
      readonly of: readonly { readonly width: number; readonly rows: number; readonly flat: Float32Array }[]
    }
  | { readonly type: 'Array(String)'; readonly of: readonly (readonly string[])[] }

/** Column name to values; every column has `rows` values. */
export type Columns = Readonly<Record<string, Column>>

/** Distinct values, and per row the index of its value. */
export interface Dictionary {
  readonly keys: readonly string[]
  readonly indexes: Uint32Array
}

/** The bytes of one Native block. Throws RangeError when the number of a column's values is not `rows`. */
export function encodeNative(rows: number, columns: Columns): Buffer {
  const entries = Object.entries(columns)
  let bound = 20
  for (const [name, column] of entries) bound += 3 * (name.length + column.type.length) + 10 + boundOf(column)
  const out: Output = { bytes: Buffer.allocUnsafe(bound), at: 0 }
  writeVarint(out, entries.length)
  writeVarint(out, rows)
  for (const [name, column] of entries) {
    const held = rowsOf(column)
    if (held !== rows) throw new RangeError(`column ${name} has ${held} values, the block ${rows} rows`)
    writeString(out, name)
    writeString(out, column.type)
    if (rows > 0) writeColumn(out, column)
  }
  return out.bytes.subarray(0, out.at)
}

interface Output {
  readonly bytes: Buffer
  at: number
}

const sum = <T>(pieces: readonly T[], of: (piece: T) => number): number => {
  let total = 0
  for (const piece of pieces) total += of(piece)
  return total
}

function rowsOf(column: Column): number {
  if ('bytes' in column) return column.bytes.length
  if ('encoded' in column) return sum(column.encoded, (piece) => piece.rows)
  if (column.type === 'LowCardinality(String)') return column.of.indexes.length
  if (column.type === 'Array(Float32)') return sum(column.of, (piece) => piece.rows)
  if (column.type === 'Array(String)') return column.of.length
  return sum<{ readonly length: number }>(column.of, (piece) => piece.length)
}

/** An upper bound of a column's bytes: three per UTF-16 unit, and a length before every string. */
function boundOf(column: Column): number {
  const strings = (values: readonly string[]): number => sum(values, (value) => 3 * value.length + 5)
  if ('bytes' in column) return sum(column.bytes, (value) => (value?.length ?? 0) + 5)
  if ('encoded' in column) return sum(column.encoded, (piece) => piece.encoded.length)
  switch (column.type) {
    case 'String':
      return sum(column.of, strings)
    case 'LowCardinality(String)':
      return 32 + strings(column.of.keys) + 4 * column.of.indexes.length
    case 'Array(Float32)':
      return sum(column.of, (piece) => 8 * piece.rows + 4 * piece.width * piece.rows)
    case 'Array(String)':
      return sum(column.of, (values) => 8 + strings(values))
    default:
      return sum<{ readonly byteLength: number }>(column.of, (piece) => piece.byteLength)
  }
}

function writeColumn(out: Output, column: Column): void {
  if ('bytes' in column) return column.bytes.forEach((value) => writeBytes(out, value))
  if ('encoded' in column) return column.encoded.forEach((piece) => copy(out, piece.encoded))
  switch (column.type) {
    case 'String':
      for (const piece of column.of) for (const value of piece) writeString(out, value)
      return
    case 'LowCardinality(String)':
      return writeDictionary(out, column.of)
    case 'Int64':
      for (const piece of column.of) copy(out, wide(piece))
      return
    case "DateTime64(3, 'UTC')":
      for (const piece of column.of) copy(out, wide(representable(piece)))
      return
    case 'Array(Float32)':
      return writeFloatArrays(out, column.of)
    case 'Array(String)':
      return writeStringArrays(out, column.of)
    default:
      for (const piece of column.of) copy(out, piece)
  }
}

function writeFloatArrays(
  out: Output,
  pieces: readonly { readonly width: number; readonly rows: number; readonly flat: Float32Array }[],
): void {
  const ends = new Float64Array(sum(pieces, (piece) => piece.rows))
  let at = 0
  let end = 0
  for (const { width, rows } of pieces) for (let row = 0; row < rows; row++) ends[at++] = end += width
  copy(out, wide(ends))
  for (const { width, rows, flat } of pieces) {
    if (flat.length !== width * rows)
      throw new RangeError(`${rows} vectors of ${width} need ${width * rows} numbers, not ${flat.length}`)
    copy(out, flat)
  }
}

function writeStringArrays(out: Output, lists: readonly (readonly string[])[]): void {
  const ends = new Float64Array(lists.length)
  let end = 0
  for (let row = 0; row < lists.length; row++) ends[row] = end += lists[row]!.length
  copy(out, wide(ends))
  for (const list of lists) for (const value of list) writeString(out, value)
}

/**
 * Version 1; flags: the block has its own keys (bit 9), which replace earlier ones (bit 10), index width; keys;
 * indexes.
 */
function writeDictionary(out: Output, { keys, indexes }: Dictionary): void {
  const [width, narrow] =
    keys.length <= 0x100
      ? [0, new Uint8Array(indexes)]
      : keys.length <= 0x10000
        ? [1, new Uint16Array(indexes)]
        : [2, indexes]
  writeInt64(out, 1)
  writeInt64(out, 0x600 | width)
  writeInt64(out, keys.length)
  for (const key of keys) writeString(out, key)
  writeInt64(out, indexes.length)
  copy(out, narrow)
}

function copy(out: Output, values: NodeJS.TypedArray): void {
  out.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), out.at)
  out.at += values.byteLength
}

/** Integral doubles as 64-bit integers: low word, high word. */
function wide(values: Float64Array): Int32Array {
  const words = new Int32Array(2 * values.length)
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    words[2 * index] = value | 0
    words[2 * index + 1] = Math.floor(value / 0x1_0000_0000)
  }
  return words
}

/** The first and the last time that ClickHouse can hold and print as DateTime64(3). */
const firstMs = Date.UTC(1900, 0, 1)
const lastMs = Date.UTC(2300, 0, 1) - 1

/** Times that a DateTime64 cannot hold become its first or last one. Usually there are none, and nothing is copied. */
function representable(times: Float64Array): Float64Array {
  for (let index = 0; index < times.length; index++)
    if (!(times[index]! >= firstMs && times[index]! <= lastMs))
      return times.map((time) => (time >= firstMs ? Math.min(time, lastMs) : firstMs))
  return times
}

const writeInt64 = (out: Output, value: number): void => copy(out, wide(Float64Array.of(value)))

function writeVarint(out: Output, value: number): void {
  let rest = value
  while (rest > 0x7f) {
    out.bytes[out.at++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  out.bytes[out.at++] = rest
}

function writeBytes(out: Output, value: Uint8Array | null): void {
  writeVarint(out, value?.length ?? 0)
  if (value !== null) {
    out.bytes.set(value, out.at)
    out.at += value.length
  }
}

/** Up to this length a loop over characters is faster than a call into the runtime. */
const shortString = 48

function writeString(out: Output, value: string): void {
  const { bytes } = out
  const length = value.length
  if (length <= shortString) {
    let at = out.at + 1
    let index = 0
    for (; index < length; index++) {
      const unit = value.charCodeAt(index)
      if (unit > 0x7f) break
      bytes[at++] = unit
    }
    if (index === length) {
      bytes[out.at] = length
      out.at = at
      return
    }
  }
  writeVarint(out, Buffer.byteLength(value))
  out.at += bytes.write(value, out.at)
}
