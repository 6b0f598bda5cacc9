declare module 'snappyjs' {
  /** Throws when the input is damaged or would grow beyond `maxBytes`. */
  export function uncompress(compressed: Uint8Array, maxBytes?: number): Uint8Array
}
