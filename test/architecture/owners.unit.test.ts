import { strict as assert } from 'node:assert'
import { posix } from 'node:path'
import { describe, test } from 'vitest'
import { owners } from './owners.js'
import { files, importsOf, isCode, type Source } from './source.js'

type List = Readonly<Record<string, Readonly<Record<string, string>>>>

const isTest = (path: string): boolean => /^test\/.*\.test\.ts$/.test(path)
const isSource = (path: string): boolean => path.startsWith('src/') && isCode(path) && !path.endsWith('.d.ts')

/** The pairs of the list: a file of src and the test that exercises it. */
const entriesOf = (list: List): readonly (readonly [file: string, owner: string])[] =>
  Object.entries(list).flatMap(([owner, folders]) =>
    Object.entries(folders).flatMap(([folder, names]) =>
      names.split(' ').map((name) => [`${folder}/${/\.(js|cts)$/.test(name) ? name : `${name}.ts`}`, owner] as const),
    ),
  )

/** src/log/tail.ts has a test of its own where there is test/log/tail.unit.test.ts, .int.test.ts or .e2e.test.ts. */
const testNameOf = (path: string): string => path.replace(/^src\//, 'test/').replace(/\.(ts|cts|js)$/, '')
const sourcesTestedBy = (paths: readonly string[]): ReadonlySet<string> =>
  new Set(paths.filter(isTest).map((path) => path.replace(/\.(unit|int|e2e)\.test\.ts$/, '')))

/** What is wrong with the list, one sentence each. */
function mistakes(paths: readonly string[], list: List): readonly string[] {
  const known = new Set(paths)
  const tested = sourcesTestedBy(paths)
  const entries = entriesOf(list)
  const owned = new Map(entries)
  return [
    ...paths
      .filter((path) => isSource(path) && !tested.has(testNameOf(path)) && !owned.has(path))
      .map((path) => `${path} has no test of its own; add it to owners.ts with the test that exercises it`),
    ...entries.filter(([file]) => !known.has(file)).map(([file]) => `${file} is in owners.ts and does not exist`),
    ...Object.keys(list)
      .filter((owner) => !known.has(owner) || !isTest(owner))
      .map((owner) => `${owner} is no test`),
    ...entries
      .filter(([file]) => tested.has(testNameOf(file)))
      .map(([file]) => `${file} has a test of its own; take it out of owners.ts`),
    ...entries
      .filter(([file, owner]) => owned.get(file) !== owner)
      .map(([file, owner]) => `${file} is in owners.ts twice, also for ${owner}`),
  ]
}

const sources = new Map(files.map((file) => [file.path, file]))

const imports = new Map<Source, readonly string[]>()

/** Relative imports, and modules that are started by their URL; found once. */
function importedBy(file: Source): readonly string[] {
  const known = imports.get(file) ?? findImports(file)
  imports.set(file, known)
  return known
}

function findImports(file: Source): readonly string[] {
  const started = [...file.text.matchAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g)].map((match) => match[1]!)
  return [...importsOf(file), ...started]
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(file.path), name))
    .map((path) => [path.replace(/\.js$/, '.ts'), path].find((one) => sources.has(one)) ?? path)
}

/** A test whose helpers start the built program reaches all of it. */
const startsProgram = (file: Source): boolean => file.path.startsWith('test/') && file.text.includes('dist/')

/** What a test reaches by its imports; undefined where it starts the built program. */
function reachedBy(owner: string): ReadonlySet<string> | undefined {
  const reached = new Set([owner])
  for (const path of reached) {
    const file = sources.get(path)
    if (file === undefined || !isCode(path)) continue
    if (startsProgram(file)) return undefined
    for (const imported of importedBy(file)) reached.add(imported)
  }
  return reached
}

describe('every file of src has a test', () => {
  test('of its own name, or another test owns it', () => {
    assert.deepEqual(mistakes([...sources.keys()], owners), [])
  })

  test('that imports it, or starts the program', () => {
    const unreached = Object.keys(owners).flatMap((owner) => {
      const reached = reachedBy(owner)
      return entriesOf({ [owner]: owners[owner]! })
        .filter(([file]) => reached !== undefined && !reached.has(file))
        .map(([file]) => `${owner} does not reach ${file}`)
    })
    assert.deepEqual(unreached, [])
  })

  test('and a list that is wrong is refused', () => {
    const paths = ['src/log/a.ts', 'src/log/b.ts', 'test/log/a.unit.test.ts', 'test/log/log.ts']
    const found = (list: List): readonly string[] => mistakes(paths, list)
    assert.deepEqual(found({ 'test/log/a.unit.test.ts': { 'src/log': 'b' } }), [])
    assert.match(found({}).join(), /src\/log\/b\.ts has no test of its own/)
    assert.match(found({ 'test/log/a.unit.test.ts': { 'src/log': 'b c' } }).join(), /src\/log\/c\.ts .*does not exist/)
    assert.match(found({ 'test/log/c.unit.test.ts': { 'src/log': 'b' } }).join(), /c\.unit\.test\.ts is no test/)
    assert.match(found({ 'test/log/log.ts': { 'src/log': 'b' } }).join(), /log\.ts is no test/)
    assert.match(found({ 'test/log/a.unit.test.ts': { 'src/log': 'a b' } }).join(), /a\.ts has a test of its own/)
  })
})
