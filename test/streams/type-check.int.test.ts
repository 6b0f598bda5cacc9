import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { checkTypes } from '../../src/streams/type-check.js'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-types-'))
afterAll(() => rmSync(folder, { recursive: true }))
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const doors = (feature: string, heuristic: string): string => `
import { readFileSync } from 'node:fs'
import { avsc, count, defineStream, type Timestamp } from 'tidemill'
import { limit } from './limit.js'
interface Door { id: string; company: string; door: string; at: Timestamp }
export const size = readFileSync(import.meta.url).length
export const doors = defineStream({
  name: 'doors',
  schema: avsc<Door>(import.meta.url, './door.avsc'),
  id: 'id', time: 'at', tenant: 'company',
  entities: { door: 'door' },
  features: { opens_1h: ${feature} },
  heuristic: ${heuristic},
  risk: { high: 0.8, medium: 0.5 },
  outcome: { matureAfter: '7d', silenceMeans: 'unknown' },
})
`
const right = ["count('1h', { by: 'door' })", '(x) => (x.opens_1h > limit ? 0.9 : 0.1)'] as const
put('limit.ts', 'export const limit: number = 20\n')

describe('the types of a stream file are checked', () => {
  test('a right file has no problem, with what it imports and without the types of Node', () => {
    assert.deepEqual(checkTypes([put('right.ts', doors(...right))]), { checked: true, problems: [] })
  })

  test('a misspelt feature in any branch and a misspelt entity are named with their lines', () => {
    const file = put('wrong.ts', doors("count('1h', { by: 'dor' })", '(x) => (x.opens_1h > 20 ? x.opens_1 : 0.1)'))
    const { problems } = checkTypes([file])
    assert.match(problems.join('\n'), new RegExp(`${file}:12: .*"entity dor".*"entity door"`))
    assert.match(problems.join('\n'), new RegExp(`${file}:13: .*'opens_1' does not exist.*Did you mean 'opens_1h'`))
  })

  test('so is a mistake in a file that it imports', () => {
    put('limit.ts', 'export const limit: number = "20"\n')
    const { problems } = checkTypes([put('right.ts', doors(...right))])
    put('limit.ts', 'export const limit: number = 20\n')
    assert.match(problems.join('\n'), /limit\.ts:1: Type 'string' is not assignable to type 'number'/)
  })

  test('without TypeScript, and for JavaScript, it is said that nothing was checked', () => {
    const unchecked = { checked: false, problems: [] }
    assert.deepEqual(
      checkTypes([put('right.ts', doors(...right))], () => undefined),
      unchecked,
    )
    assert.deepEqual(checkTypes([put('plain.mjs', 'export const x = 1\n')]), unchecked)
  })
})
