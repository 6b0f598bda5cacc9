/**
 * Whether the model has trees that get missing values and do not say where these go. In such an export NaN follows the
 * branch of large values, whatever the trainer does: skl2onnx gives no direction for random forests and for gradient
 * boosting, and sets `nodes_missing_value_tracks_true` to 0. False where the graph replaces NaN, and where branches are
 * BRANCH_LT (XGBoost) or BRANCH_GT (CatBoost): there 0 is the direction of the trainer. Reads only the protobuf
 * structure (onnx.proto3 field numbers). Returns false for bytes that it cannot read.
 */
export function treesIgnoreMissing(bytes: Uint8Array): boolean {
  try {
    const nodes = inside(bytes, graphOfModel).flatMap((graph) => inside(graph, nodeOfGraph))
    if (nodes.some((node) => ['Imputer', 'IsNaN'].includes(texts(node, opOfNode)[0] ?? ''))) return false
    const trees = nodes.filter((node) => (texts(node, opOfNode)[0] ?? '').startsWith('TreeEnsemble'))
    return trees.some(branchesOnAtMost) && !trees.some(saysWhere)
  } catch {
    return false
  }
}

const [graphOfModel, nodeOfGraph, opOfNode, attributeOfNode] = [7, 1, 4, 5]
const [nameOfAttribute, intsOfAttribute, stringsOfAttribute] = [1, 8, 9]

const attribute = (node: Uint8Array, name: string): Uint8Array | undefined =>
  inside(node, attributeOfNode).find((one) => texts(one, nameOfAttribute)[0] === name)

function branchesOnAtMost(tree: Uint8Array): boolean {
  const modes = attribute(tree, 'nodes_modes')
  return modes !== undefined && texts(modes, stringsOfAttribute).includes('BRANCH_LEQ')
}

function saysWhere(tree: Uint8Array): boolean {
  const tracks = attribute(tree, 'nodes_missing_value_tracks_true')
  return tracks !== undefined && fields(tracks).some(isSomeInteger)
}

/** Integers are one field each, or packed into one: a packed varint above 0 has a byte above 0. */
const isSomeInteger = ({ number, value }: Field): boolean =>
  number === intsOfAttribute && (typeof value === 'number' ? value > 0 : value.some((byte) => byte > 0))

interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

const inside = (bytes: Uint8Array, wanted: number): Uint8Array[] =>
  fields(bytes).flatMap(({ number, value }) => (number === wanted && typeof value !== 'number' ? [value] : []))

const texts = (bytes: Uint8Array, wanted: number): string[] =>
  inside(bytes, wanted).map((value) => Buffer.from(value).toString())

/** The fields of one message. Throws RangeError for bytes that are none. */
function fields(bytes: Uint8Array): Field[] {
  const found: Field[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('cut short')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const [number, wire] = [Math.floor(tag / 8), tag % 8]
    if (wire === 0) found.push({ number, value: varint() })
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      if (at + length > bytes.length) throw new RangeError('cut short')
      found.push({ number, value: bytes.subarray(at, at + length) })
      at += length
    } else throw new RangeError('unknown wire type')
  }
  return found
}
