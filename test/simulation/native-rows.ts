/** A value of a cell as the Native format holds it; whole numbers of 64 bits are bigints. */
export type Cell = string | number | bigint | readonly string[] | readonly number[]
export type Row = Readonly<Record<string, Cell>>

/**
 * Reads ClickHouse's Native format back. Strings are their bytes as latin1, so that any bytes survive. Throws
 * RangeError where it ends early.
 */
export function rowsOfNative(bytes: Buffer): Row[] {
  const input = new Input(bytes)
  const width = input.varint()
  const rows = input.varint()
  const out = Array.from({ length: rows }, (): Record<string, Cell> => ({}))
  for (let column = 0; column < width; column++) {
    const name = input.string()
    const values = valuesOf(input, input.string(), rows)
    values.forEach((value, row) => (out[row]![name] = value))
  }
  if (input.at !== bytes.length) throw new RangeError(`${bytes.length - input.at} bytes are left`)
  return out
}

class Input {
  at = 0
  constructor(readonly bytes: Buffer) {}
  take(length: number): Buffer {
    if (!(length >= 0) || this.at + length > this.bytes.length)
      throw new RangeError(`${length} bytes are wanted at ${this.at} of ${this.bytes.length}`)
    return this.bytes.subarray(this.at, (this.at += length))
  }
  varint(): number {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = this.take(1)[0]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  string(): string {
    return this.take(this.varint()).toString('latin1')
  }
  int64(): number {
    return Number(this.take(8).readBigInt64LE())
  }
}

const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read)

const scalars: Readonly<Record<string, (input: Input) => Cell>> = {
  String: (input) => input.string(),
  UInt8: (input) => input.take(1)[0]!,
  UInt16: (input) => input.take(2).readUInt16LE(),
  UInt32: (input) => input.take(4).readUInt32LE(),
  UInt64: (input) => input.take(8).readBigUInt64LE(),
  Int64: (input) => input.int64(),
  "DateTime64(3, 'UTC')": (input) => input.int64(),
  Float32: (input) => input.take(4).readFloatLE(),
  Float64: (input) => input.take(8).readDoubleLE(),
}

function valuesOf(input: Input, type: string, rows: number): readonly Cell[] {
  if (rows === 0) return []
  if (type === 'LowCardinality(String)') return dictionaryOf(input)
  const list = /^Array\((.*)\)$/.exec(type)?.[1]
  const read = scalars[list ?? type]
  if (read === undefined) throw new RangeError(`no column has the type ${type}`)
  if (list === undefined) return times(rows, () => read(input))
  const ends = times(rows, () => input.int64())
  return ends.map((end, row) => times(end - (ends[row - 1] ?? 0), () => read(input)) as string[] | number[])
}

function dictionaryOf(input: Input): string[] {
  const [version, layout] = [input.int64(), input.int64()]
  if (version !== 1) throw new RangeError(`a dictionary has version ${version}`)
  const keys = times(input.int64(), () => input.string())
  const width = [1, 2, 4][layout & 0xff]!
  return times(input.int64(), () => keys[input.take(width).readUIntLE(0, width)]!)
}
