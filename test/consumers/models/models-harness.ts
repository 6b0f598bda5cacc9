import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { bundledDecisions } from '../../../src/consumers/models/bundled.js'
import type { NewDecision } from '../../../src/consumers/control/decision.js'
import type { Routes } from '../../../src/consumers/control/routes.js'
import { followRouting, type Followed, type FollowOptions } from '../control-harness.js'
import { openModelReading, type ModelReading } from '../../../src/consumers/models/reading.js'
import { openModelTopic, type ModelTopic } from '../../../src/consumers/models/topic.js'
import { EngineError, isEngineError, type ErrorCode } from '../../../src/base/errors.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { listModels, modelPath, type ModelFiles, type ModelName } from '../../../src/scorers/model-store.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { linearModel } from '../../scorers/onnx/bytes.js'
import { type EngineHarness } from '../engine-harness.js'
import { modelsTopic } from '../../../src/consumers/ground/topic-names.js'

export const nameOf = (version: string): ModelName => ({ family: 'door-force', scope: 'global', version })
export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** A model of the harness's stream as files; `padding` bytes of card make it as large as a test wants. */
export function filesOf(harness: EngineHarness, version: string, weight: number, padding = 0): ModelFiles {
  const { names, fingerprint } = harness.stream.plan
  const model = linearModel(names.map((name) => (name === 'force' ? weight : 0)))
  const manifest = {
    ...nameOf(version),
    fingerprint,
    features: names,
    sha256: sha256(model),
    input: 'input',
    output: 'score',
    metrics: {},
    reference: {},
  }
  return { model, manifest: Buffer.from(JSON.stringify(manifest)), card: Buffer.from('# Doors\n'.padEnd(padding, 'x')) }
}

/** The models folder of one machine. */
export async function folder(
  harness: EngineHarness,
  machine: string,
  models: Readonly<Record<string, ModelFiles>> = {},
): Promise<string> {
  const directory = join(harness.directory, machine, 'models')
  await mkdir(directory, { recursive: true })
  for (const [version, { manifest, card, model }] of Object.entries(models)) {
    const place = join(directory, modelPath(nameOf(version)))
    await mkdir(place, { recursive: true })
    await writeFile(join(place, 'manifest.json'), manifest)
    await writeFile(join(place, 'card.md'), card)
    await writeFile(join(place, 'model.onnx'), model)
  }
  return directory
}

/** A machine with these bundled models and nothing else. */
export async function machine(
  harness: EngineHarness,
  name: string,
  models: Readonly<Record<string, ModelFiles>> = {},
  log: EventLog = harness.log,
): Promise<ModelReading & { readonly kept: string; readonly directory: string; readonly said: string[] }> {
  const directory = await folder(harness, name, models)
  const kept = join(harness.directory, name, 'kept')
  const said: string[] = []
  const reading = openModelReading({ log, directory, kept, report: (message) => said.push(message) })
  onTestFinished(() => reading.close())
  return { ...reading, kept, directory, said }
}

export async function follow(
  harness: EngineHarness,
  reading: ModelReading,
  change: Partial<FollowOptions> = {},
): Promise<Followed> {
  const runtime = createOnnxRuntime()
  const hasty = { ...systemClock, sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(5, signal) }
  const followed = await followRouting({
    log: harness.log,
    streams: [harness.stream],
    runtime,
    clock: hasty,
    readModel: reading.read,
    ...change,
  })
  onTestFinished(async () => {
    await followed.close()
    await runtime.close()
  })
  return followed
}

export function topicOf(harness: EngineHarness, said: string[] = []): ModelTopic {
  const topic = openModelTopic({ log: harness.log, report: (message) => said.push(message) })
  onTestFinished(() => topic.close())
  return topic
}

export const bootstrap =
  (harness: EngineHarness, { directory, read, publish, said }: Awaited<ReturnType<typeof machine>>, version = 'v1') =>
  async (routes: Routes): Promise<readonly NewDecision[]> =>
    bundledDecisions({
      streams: [harness.stream],
      models: await listModels(directory),
      serve: [`door-force/${version}`],
      isSet: false,
      routes,
      readModel: read,
      publish,
      report: (message) => said.push(message),
    })

export const code = (wanted: ErrorCode, words: RegExp) => (error: unknown) =>
  isEngineError(error, wanted) && words.test(error.message)
export const inTopic = async (harness: EngineHarness): Promise<number> => (await harness.log.bounds(modelsTopic)).next

export const away = () => new EngineError('LOG_DOWN', 'not now')
export const bound = (log: EventLog): EventLog => ({
  ensure: (topic) => log.ensure(topic),
  append: (at, records) => log.append(at, records),
  bounds: (at, since) => log.bounds(at, since),
  reader: (at) => log.reader(at),
})
