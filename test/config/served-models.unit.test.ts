import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { loadConfig, packagePath, type ConfigSources } from '../../src/config/load.js'

const configOf = (sources: ConfigSources) => loadConfig({ variables: {}, ...sources })

const demo = ['attendance-fraud/v001', 'meter-ocr/v001', 'sync-conflict/v001']

test('the demo models serve from the start in the own folder of the package, and each is there', () => {
  assert.deepEqual(configOf({}).models.serve, demo)
  assert.deepEqual(configOf({ flags: { 'models.directory': packagePath('models') } }).models.serve, demo)
  for (const model of demo) {
    const path = packagePath(`models/${model.replace('/', '/global/')}/manifest.json`)
    const { withheld } = JSON.parse(readFileSync(path, 'utf8')) as { withheld?: string }
    assert.equal(withheld, undefined, model)
  }
})

test('none of another folder, serves unless a person names it', () => {
  assert.deepEqual(configOf({ flags: { 'models.directory': 'mine' } }).models.serve, [])
  const flags = { 'models.directory': 'mine', 'models.serve': 'a/v1,b/v2' }
  assert.deepEqual(configOf({ flags }).models.serve, ['a/v1', 'b/v2'])
})

test('one model of each family is named, by family and version', () => {
  const named = (serve: string) => () => configOf({ flags: { 'models.serve': serve } })
  assert.throws(named('a/v1,a/v2'), /models\.serve \(--serve\): names two models of family a; only one can serve/)
  for (const serve of ['a', 'a/global/v1', '/v1', '../v1'])
    assert.throws(named(serve), /models\.serve.*models, each family\/version/)
})
