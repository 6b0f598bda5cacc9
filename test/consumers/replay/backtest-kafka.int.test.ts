import { strict as assert } from 'node:assert'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { certify } from '../../../src/consumers/replay/certify/certify.js'
import { beginBacktest, continueBacktest } from '../../../src/consumers/replay/backtest/backtest.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { scoringFlow } from '../../../src/consumers/scoring/scoring.js'
import { ensureTopics } from '../../../src/consumers/ground/topics.js'
import { openLmdbStateStore } from '../../../src/state/lmdb/state-store.js'
import { readTail } from '../../../src/log/blocks/gate.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { doors } from '../../fixtures/doors.js'
import { kafkaForTests } from '../../log/kafka/broker.js'
import { passes, settings } from '../engine-harness.js'
import { replayParts } from './replay-harness.js'

const broker = kafkaForTests()

test('on Kafka, a backtest and a certificate beside a running engine see what was served', async () => {
  const own = { ...doors, topic: `doors-${randomUUID()}`, partitions: 1 }
  const stream = compileStream(own)
  const log = await broker.open()
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-replay-kafka-'))
  const store = await openLmdbStateStore({ directory: join(directory, 'state') })
  await ensureTopics(log, [stream], undefined)
  const flow = await scoringFlow({
    log,
    groups: log,
    store,
    streams: [stream],
    tenants: 'any',
    clock: systemClock,
    routing: () => emptyRouting,
    onRetry: () => undefined,
    onChunk: () => undefined,
    settings,
  })
  onTestFinished(async () => {
    await flow.leave()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const events = passes(200)
  await log.append(
    { topic: own.topic, partition: 0 },
    events.map((event) => ({ key: Buffer.from('acme'), value: Buffer.from(JSON.stringify(event)) })),
  )
  while ((await readTail(log, { topic: stream.topics.predictions, partition: 0 })).covered < 199)
    await Promise.race([systemClock.sleep(20), flow.failed])

  const parts = await replayParts(await broker.open(), directory)
  const begun = await beginBacktest({ id: 'on-kafka', stream: own, model: 'served' }, parts)
  const { report } = await continueBacktest(begun, own, parts)
  assert.deepEqual([report!.figures.run.rows, report!.figures.sameScores], [200, 200])
  const certificate = await certify({ stream: own, id: 'certify-kafka', build: 'test', cpu: 'test' }, parts)
  assert.deepEqual([certificate!.equal, certificate!.served.predictions], [true, 200])
}, 120_000)
