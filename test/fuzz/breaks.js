/**
 * Protections against what one record may contain, each with an edit of the sources that takes it out.
 *
 * @type {Readonly<Record<string, { readonly why: string } & import('../bundle.js').Edit>>}
 */
export const breaks = {}
