import { strict as assert } from 'node:assert'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { marginModel, nanAboveModel } from '../../scorers/onnx/bytes.js'
import { engineHarness, passes } from '../../consumers/engine-harness.js'
import { tidemill, type Ran } from '../harness.js'
import { doorsAsAUsers } from '../user-doors.js'

/** Backtests over a log with 120 events, of a model file with these bytes. */
async function backtests(bytes: (width: number) => Buffer): Promise<(...args: readonly string[]) => Promise<Ran>> {
  const harness = await engineHarness()
  await harness.append(passes(120))
  const model = join(harness.directory, 'model.onnx')
  await writeFile(model, bytes(harness.stream.plan.width))
  const place = ['--data', harness.directory, '--streams', await doorsAsAUsers(harness.directory), '--tenants', 'any']
  return (command, ...args) =>
    tidemill([
      'backtest',
      command,
      ...(command === 'run' ? ['--stream', 'doors', '--model', model] : []),
      ...args,
      ...place,
    ])
}

test('a run in which the model failed on events warns first, is not stored, and exits with code 5', async () => {
  const backtest = await backtests((width) => nanAboveModel(width, 30))
  const ran = await backtest('run')
  assert.equal(ran.exit, 5, ran.said)
  assert.match(ran.data, /^WARNING: the model failed on \d+ of 120 events: it answered NaN/)
  assert.match(ran.said, /not in ClickHouse: the heuristic scored a part of the run/)

  const json = await backtest('run', '--json')
  assert.equal(json.exit, 5)
  const [first] = Object.entries(JSON.parse(json.data) as Record<string, unknown>)
  assert.match(String(first), /^warning,the model failed on \d+ of 120 events/)
  const { run } = JSON.parse(json.data) as { run: { id: string } }
  const shown = await backtest('show', run.id)
  assert.deepEqual([shown.exit, shown.data.startsWith('WARNING')], [5, true])
})

test('a run of a model without scores, or with a folder that is missing, is an error', async () => {
  const backtest = await backtests((width) => marginModel(new Array<number>(width).fill(1)))
  const ran = await backtest('run')
  assert.deepEqual([ran.exit, ran.data], [3, ''])
  assert.match(ran.said, /model\.onnx cannot score: .*Export probabilities.*MODEL_REFUSED/)
  const lost = await backtest('run', '--models', '/nowhere/models')
  assert.deepEqual([lost.exit, lost.data], [3, ''])
  assert.match(lost.said, /nowhere\/models is missing; correct --models/)
})
