import { strict as assert } from 'node:assert'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished, test } from 'vitest'
import { missingPython, runPython } from '../../scripts/services/python.js'
import { registry } from '../../scripts/services/registry.js'
import { systemClock } from '../../src/base/clock.js'
import { loadConfig, packagePath } from '../../src/config/load.js'
import { compileStream } from '../../src/consumers/ground/compiled.js'
import { startEngine } from '../../src/compose/engine.js'
import { createWorld } from '../../src/simulator/index.js'
import { attendance } from '../../src/streams/built-in/attendance.js'
import { scoreFile } from '../../src/compose/score-file.js'
import { onCluster, stores } from './presets.js'

const [file, requirements] = ['produce_avro.py', 'requirements.txt'].map((name) =>
  fileURLToPath(new URL(`../fixtures/python/${name}`, import.meta.url)),
) as [string, string]
/** The first run on a machine fetches packages. */
const timeout = 5 * 60_000

/** Check-ins of some hours, as lines of NDJSON. */
function checkIns(count: number): readonly string[] {
  const hourMs = 3_600_000
  const startMs = Math.floor(systemClock.nowMs() / (24 * hourMs)) * 24 * hourMs - 2 * 24 * hourMs
  const lines: string[] = []
  for (const { stream, event } of createWorld({ seed: 11, startMs, patterns: 'training', people: 100 }).events(
    startMs,
    startMs + 24 * hourMs,
  )) {
    if (stream === 'attendance' && lines.push(JSON.stringify(event)) === count) break
  }
  return lines
}

/** What the events score when they come from a file. */
async function fromFile(lines: readonly string[]): Promise<readonly (readonly [string, number])[]> {
  const scores: [string, number][] = []
  async function* numbered(): AsyncGenerator<{ number: number; bytes: Buffer }> {
    for (const [i, text] of lines.entries()) yield { number: i + 1, bytes: Buffer.from(text) }
  }
  await scoreFile({
    stream: 'attendance',
    streams: [],
    features: false,
    lines: numbered(),
    write: async (text) => {
      for (const line of text.trimEnd().split('\n')) {
        const { event_id: id, score } = JSON.parse(line) as { event_id: string; score: number }
        scores.push([id, Math.fround(score)])
      }
    },
  })
  return scores.sort(([a], [b]) => (a < b ? -1 : 1))
}

onCluster(
  [...stores, registry],
  (preset) => {
    test(
      'events of a Python producer with the serializer of Confluent are scored like those of a file',
      { timeout },
      async () => {
        const directory = await mkdtemp(join(tmpdir(), 'tidemill-producers-'))
        onTestFinished(() => rm(directory, { recursive: true, force: true }))
        const engine = await startEngine(
          loadConfig({
            variables: preset.variables,
            flags: {
              dataDirectory: join(directory, 'data'),
              tenants: 'any',
              'streams.builtin': ['attendance'],
              'streams.accept': ['attendance=avro'],
              'api.port': 0,
            },
          }),
        )
        onTestFinished(() => engine.stop())

        const lines = checkIns(400)
        const events = join(directory, 'events.ndjson')
        await writeFile(events, lines.join('\n'))
        const options = {
          bootstrap: preset.variables['TIDEMILL_KAFKA_BROKERS']!,
          registry: preset.variables['TIDEMILL_SCHEMA_REGISTRY_URL']!,
          topic: compileStream(attendance).topics.events,
          schema: packagePath('schemas/attendance.avsc'),
          events,
        }
        const said = await runPython({
          file,
          requirements,
          args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
        })
        assert.equal((JSON.parse(said) as { delivered: number }).delivered, lines.length)

        const count = async (rows: string): Promise<number> =>
          Number((await engine.query<{ n: number | string }>(`SELECT count() AS n FROM ${rows}`))[0]!.n)
        while ((await count('predictions_final')) + (await count('dead_letters')) < lines.length)
          await Promise.race([systemClock.sleep(100), engine.failed])
        const found = await engine.query<{ event_id: string; score: number }>(
          'SELECT event_id, score FROM predictions_final ORDER BY event_id',
        )
        assert.deepEqual(
          found.map(({ event_id: id, score }) => [id, Math.fround(score)]),
          await fromFile(lines),
        )
        assert.deepEqual(await engine.query('SELECT DISTINCT version FROM predictions_final'), [{ version: 'v001' }])
      },
    )
  },
  missingPython(requirements),
)
