import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { apiReference, referenceDocument } from '../../../scripts/api-reference.js'
import { buildApi } from '../../../src/api/api.js'
import { problemCodes } from '../../../src/api/http/problems.js'
import { limits } from '../../../src/base/limits.js'
import { builtinStreams } from '../../../src/streams/built-in/index.js'

test('docs/reference/api.md matches the API; `npm run docs:api` writes it', async () => {
  const document = await referenceDocument({ buildApi, builtinStreams })
  expect(await readFile(new URL('../../../docs/reference/api.md', import.meta.url), 'utf8')).toBe(
    apiReference(document, problemCodes, limits),
  )
})
