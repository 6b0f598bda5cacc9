/** Writes docs/reference/api.md, after `npm run build`. A test fails when it is out of date. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { apiReference, referenceDocument } from './api-reference.js'

const built = /** @param {string} path */ async (path) => import(new URL(`../dist/${path}`, import.meta.url).href)
const [{ buildApi }, { problemCodes }, { limits }, { builtinStreams }] = await Promise.all(
  ['api/api.js', 'api/http/problems.js', 'base/limits.js', 'streams/built-in/index.js'].map(built),
)
const pages = new URL('../docs/reference/', import.meta.url)
mkdirSync(pages, { recursive: true })
writeFileSync(
  new URL('api.md', pages),
  apiReference(await referenceDocument({ buildApi, builtinStreams }), problemCodes, limits),
)
