/**
 * Whether any tensor of an ONNX file stores its data in another file. The runtime would open that path relative to the
 * process, so such a file is refused. Reads only the protobuf structure (onnx.proto3 field numbers). Returns false for
 * bytes that are not protobuf, which the runtime rejects.
 */
export function referencesExternalData(bytes: Uint8Array): boolean {
  try {
    return walk(bytes, 0, bytes.length, model)
  } catch {
    return false
  }
}

/** A message type: its length-delimited fields that are messages, and the fields that prove external data. */
interface Message {
  readonly inside: Readonly<Record<number, () => Message>>
  readonly external?: number
  readonly location?: number
}
const tensor: Message = { inside: {}, external: 13, location: 14 }
const sparse: Message = { inside: { 1: () => tensor, 2: () => tensor } }
const attribute: Message = {
  inside: { 5: () => tensor, 6: () => graph, 10: () => tensor, 11: () => graph, 22: () => sparse, 23: () => sparse },
}
const node: Message = { inside: { 5: () => attribute } }
const graph: Message = { inside: { 1: () => node, 5: () => tensor, 15: () => sparse } }
const functionMessage: Message = { inside: { 7: () => node, 11: () => attribute } }
const model: Message = { inside: { 7: () => graph, 25: () => functionMessage } }

function walk(bytes: Uint8Array, from: number, to: number, message: Message): boolean {
  let at = from
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || at > to) throw new RangeError('cut short')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  while (at < to) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    const wire = tag % 8
    if (wire === 0) {
      const value = varint()
      if (field === message.location && value === 1) return true
    } else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      const end = at + length
      if (end > to) throw new RangeError('cut short')
      if (field === message.external) return true
      const inner = message.inside[field]
      if (inner !== undefined && walk(bytes, at, end, inner())) return true
      at = end
    } else throw new RangeError('unknown wire type')
  }
  return false
}
