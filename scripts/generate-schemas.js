/**
 * Writes src/streams/built-in/events.ts from schemas/*.avsc, after `npm run build`. A test fails when that file is out
 * of date.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

const { eventTypes } = await import(new URL('../dist/streams/schema/event-type.js', import.meta.url).href)
const schemas = new URL('../schemas/', import.meta.url)
const current = readdirSync(schemas).filter((name) => /^[a-z-]+\.avsc$/.test(name))
const records = current.sort().map((name) => JSON.parse(readFileSync(new URL(name, schemas), 'utf8')))
writeFileSync(
  new URL('../src/streams/built-in/events.ts', import.meta.url),
  eventTypes(records, '../schema/columns.js'),
)
