import type { Header } from './event-log.js'

/**
 * Adds a header to headers by name. An assignment to `__proto__` would change the object's prototype, and the header
 * would be lost.
 */
export function putHeader(headers: Record<string, Buffer>, name: string, value: Buffer): void {
  if (name === '__proto__')
    Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true })
  else headers[name] = value
}

/** Copies of headers, whose bytes stay valid. */
export const copiedHeaders = (headers: Readonly<Record<string, Buffer>>): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]))

/** As `copiedHeaders`, for a record with all its headers. */
export const copiedAllHeaders = ({
  allHeaders,
}: {
  readonly allHeaders?: readonly Header[]
}): { readonly allHeaders?: readonly Header[] } =>
  allHeaders === undefined
    ? {}
    : {
        allHeaders: allHeaders.map(({ name, value }) => ({
          name: Buffer.from(name),
          value: value && Buffer.from(value),
        })),
      }
