const shownLength = 60
/** Lists and objects below this depth are shown as `[...]` and `{...}`. */
const shownDepth = 4

/**
 * A foreign value as text for a message: JSON, cut after `length` characters and below four levels. It never calls code
 * of the value (`toJSON`, `toString`) and never throws, so that no record can break the message about it.
 */
export function shown(value: unknown, length = shownLength): string {
  try {
    const text = textOf(value, length, shownDepth)
    return text.length > length ? `${text.slice(0, length)}...` : text
  } catch {
    return `a value of type ${typeof value}`
  }
}

/** At least the first `room` characters of the text, if it has so many. */
function textOf(value: unknown, room: number, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > room ? value.slice(0, room + 1) : value)
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      break
    default:
      return typeof value
  }
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `<${value.length} bytes>`
  if (Array.isArray(value)) return depth === 0 ? '[...]' : listOf(value, room, depth)
  return depth === 0 ? '{...}' : objectOf(value, room, depth)
}

function listOf(values: readonly unknown[], room: number, depth: number): string {
  let text = '['
  for (let i = 0; i < values.length && text.length <= room; i++)
    text += (i === 0 ? '' : ',') + textOf(values[i], room - text.length, depth - 1)
  return `${text}]`
}

function objectOf(value: object, room: number, depth: number): string {
  let text = '{'
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue
    if (text.length > room) break
    const field = `${JSON.stringify(name.slice(0, room + 1))}:`
    text += (text === '{' ? '' : ',') + field
    text += textOf((value as Readonly<Record<string, unknown>>)[name], room - text.length, depth - 1)
  }
  return `${text}}`
}
