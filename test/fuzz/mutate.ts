import { gzipSync } from 'node:zlib'
import type { Random } from '../simulation/random.js'
import { foreignBytes, foreignJson } from './values.js'

/** The fields of a JSON object as their texts, in order. A name may occur twice. */
type Fields = (readonly [name: string, json: string])[]

const written = (fields: Fields): string =>
  `{${fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`

/** An event as JSON text with one to three fields changed: another value, left out, twice, renamed, or unknown. */
export function mutatedJson(event: Readonly<Record<string, unknown>>, random: Random): Buffer {
  const fields: Fields = Object.entries(event).map(([name, value]) => [name, JSON.stringify(value)])
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(fields.length)
    const [name, json] = fields[at]!
    const kind = random.below(10)
    if (kind < 5) fields[at] = [name, foreignJson(random)]
    else if (kind < 6 && fields.length > 1) fields.splice(at, 1)
    else if (kind < 7) fields.push([name, foreignJson(random)])
    else if (kind < 8) fields[at] = [random.pick(['__proto__', 'constructor', name.toUpperCase(), '']), json]
    else if (kind < 9) fields.push([random.pick(['__proto__', 'toString', 'extra']), foreignJson(random)])
    else {
      const other = random.below(fields.length)
      fields[at] = [name, fields[other]![1]]
      fields[other] = [fields[other]![0], json]
    }
  }
  const text = written(fields)
  return random.chance(0.05) ? inAnotherEncoding(text, random) : Buffer.from(text)
}

function inAnotherEncoding(text: string, random: Random): Buffer {
  switch (random.below(6)) {
    case 0:
      return Buffer.from(text.replace('a', 'é'), 'latin1')
    case 1:
      return Buffer.from(text, 'utf16le')
    case 2:
      return Buffer.from(text, 'utf16le').swap16()
    case 3:
      return Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from(text)])
    case 4:
      return gzipSync(text)
    default:
      return Buffer.from(`[${text}]`)
  }
}

/**
 * Bytes with one to four edits: a flipped bit, a random byte, a cut, an insertion, a repeated part, or a long varint.
 * So lengths and union branches of Avro point anywhere.
 */
export function mutatedBytes(bytes: Buffer, random: Random): Buffer {
  let out = Buffer.from(bytes)
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(out.length + 1)
    switch (random.below(6)) {
      case 0:
        if (at < out.length) out[at]! ^= 1 << random.below(8)
        break
      case 1:
        if (at < out.length) out[at] = random.below(256)
        break
      case 2:
        out = out.subarray(0, at)
        break
      case 3:
        out = Buffer.concat([out.subarray(0, at), foreignBytes(random), out.subarray(at)])
        break
      case 4:
        out = Buffer.concat([out.subarray(0, at), out.subarray(random.below(at + 1), at), out.subarray(at)])
        break
      default:
        out = Buffer.concat([out.subarray(0, at), varint(random), out.subarray(at + 1)])
    }
    out = Buffer.from(out)
  }
  return out
}

/** Two to eleven bytes: an Avro `long` is at most ten. */
function varint(random: Random): Buffer {
  const length = 1 + random.below(10)
  const bytes = Array.from({ length }, () => 0x80 | random.below(128))
  return Buffer.from([...bytes, random.below(128)])
}
