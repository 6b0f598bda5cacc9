/** A model that is named to serve and refused: every place that shows models says so, and the engine works. */
import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import type { StreamView } from '../../../src/contracts/streams.js'
import { startEngine } from '../../../src/compose/engine.js'
import { placeDoorsModel } from '../../consumers/models/placed-model.js'
import { doors } from '../../fixtures/doors.js'
import { marginModel } from '../../scorers/onnx/bytes.js'
import { tidemill } from '../harness.js'
import { doorsAsAUsers } from '../user-doors.js'

interface Readiness {
  readonly ready: boolean
  readonly checks: readonly { readonly check: string; readonly detail: string; readonly attention?: boolean }[]
}

test('streams list, doctor, readiness and the log name a refused model, and the heuristic serves', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-model-problems-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const [data, models] = [join(directory, 'data'), join(directory, 'models')]
  await mkdir(models)
  const stream = compileStream(doors)
  await placeDoorsModel(models, stream, 'v1', marginModel(stream.plan.names.map(() => 1)))
  const streams = await doorsAsAUsers(directory)
  const flags = {
    dataDirectory: data,
    'streams.builtin': [],
    'streams.paths': [streams],
    'models.directory': models,
    'models.serve': ['door-force/v1'],
    'api.port': 0,
    tenants: 'any',
    'demo.enabled': false,
  }
  const engine = await startEngine(loadConfig({ variables: {}, flags }))
  onTestFinished(() => engine.stop())
  const words = /door-force\/global\/v1 cannot serve: .*Export probabilities/

  const { ready, checks } = (await (await fetch(`${engine.url}/readyz`)).json()) as Readiness
  const check = checks.find((one) => one.check === 'models')
  assert.deepEqual([ready, check?.attention], [true, true])
  assert.match(check!.detail, words)

  const { data: printed } = await tidemill(['keys', 'create', '--operator', '--data', data, '--json'])
  const { key } = JSON.parse(printed) as { key: string }
  const asked = ['streams', 'list', '--url', engine.url, '--key', key]
  const list = await tidemill(asked)
  assert.match(list.data, /doors .*heuristic_v1 \(model fails\)/)
  assert.match(list.said, words)
  const [view] = (JSON.parse((await tidemill([...asked, '--json'])).data) as { streams: readonly StreamView[] }).streams
  assert.deepEqual([view!.serving.by, view!.serving.version], ['heuristic', 'heuristic_v1'])
  assert.match(view!.serving.problem!, words)

  const place = ['--data', data, '--streams', streams, '--models', models]
  const doctor = await tidemill(['doctor', ...place, '--serve', 'door-force/v1'])
  assert.equal(doctor.exit, 5)
  assert.match(doctor.data, /FAILED {2}models .*cannot serve/)
  assert.match(doctor.data, /FAILED {2}engine: models .*cannot serve/)
  assert.match(
    await (await fetch(`${engine.url}/metrics`)).text(),
    /tidemill_model_errors_total\{model="door-force\/global\/v1"\} 0/,
  )
})
