/** A text as a literal of ClickHouse's SQL, where a statement takes no parameters. */
export const literal = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
