import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { isEngineError, type ErrorCode } from '../../src/base/errors.js'
import { listModels, readModel, readModelFile } from '../../src/scorers/model-store.js'

const bytes = Buffer.from('a model')
const sha256 = createHash('sha256').update(bytes).digest('hex')

async function folder(models: Readonly<Record<string, object>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-models-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [name, change] of Object.entries(models)) {
    const [family, scope, version] = name.split('/')
    const manifest = {
      family,
      scope,
      version,
      fingerprint: '0123456789abcdef',
      features: ['a'],
      sha256,
      input: 'input',
      output: 'score',
      metrics: {},
      reference: {},
      ...change,
    }
    await mkdir(join(directory, name), { recursive: true })
    await writeFile(join(directory, name, 'manifest.json'), JSON.stringify(manifest))
    await writeFile(join(directory, name, 'model.onnx'), bytes)
  }
  return directory
}

const code = (wanted: ErrorCode, words: RegExp) => (error: unknown) =>
  isEngineError(error, wanted) && words.test(error.message)
const name = (version: string) => ({ family: 'f', scope: 'global', version })

test('models are listed by family, scope and version; an absent folder has none', async () => {
  const directory = await folder({ 'f/global/v002': {}, 'f/global/v001': {}, 'f/acme/v001': {}, 'e/global/v001': {} })
  assert.deepEqual(
    (await listModels(directory)).map(({ family, scope, version }) => `${family}/${scope}/${version}`),
    ['e/global/v001', 'f/acme/v001', 'f/global/v001', 'f/global/v002'],
  )
  await assert.rejects(
    listModels(join(directory, 'nowhere')),
    (error) => isEngineError(error, 'BAD_CONFIG') && /nowhere is missing; correct --models/.test(error.message),
  )
})

test('the id of a model is the hash of its bytes', async () => {
  const directory = await folder({ 'f/global/v001': {} })
  const { model } = await readModel(directory, name('v001'))
  assert.equal(model.id, sha256)
  assert.deepEqual(await readModelFile(join(directory, 'f/global/v001/model.onnx')), {
    version: `file:${sha256.slice(0, 12)}`,
    model: { id: sha256, bytes },
  })
})

test('bytes that differ from the manifest, and an incomplete manifest, are refused', async () => {
  const directory = await folder({
    'f/global/v001': { sha256: '0'.repeat(64) },
    'f/global/v002': { fingerprint: 'none' },
  })
  await assert.rejects(readModel(directory, name('v001')), code('MODEL_DAMAGED', /sha256/))
  await assert.rejects(readModel(directory, name('v002')), code('MODEL_DAMAGED', /fingerprint/))
  await assert.rejects(readModel(directory, name('v003')), code('UNKNOWN_MODEL', /v003/))
  await assert.rejects(readModelFile(join(directory, 'none.onnx')), code('UNKNOWN_MODEL', /none\.onnx/))
})
