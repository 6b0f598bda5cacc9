import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, onTestFinished, test } from 'vitest'
import { workload, workloadLines } from '../../bench/engine/workload.js'
import { systemClock } from '../../src/base/clock.js'
import { startEngine } from '../../src/compose/engine.js'
import { scoreFile } from '../../src/compose/score-file.js'
import { benchOn, publish } from './bench-stream.js'
import { onEveryPreset, type TestPreset } from './presets.js'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const reference = path('../../../shared/peers/reference-scores.json.gz')

/** What came of the workload: the scores in the order of its events, and what is not a score. */
interface Outcome {
  readonly scores: readonly number[]
  readonly others: Readonly<Record<'duplicates' | 'deadLetters' | 'late', number>>
}

/** The command that scores a file. */
async function asFile(lines: Iterable<string>): Promise<Outcome> {
  const scores: number[] = []
  const { duplicates, deadLetters, late } = await scoreFile({
    stream: 'attendance-bench',
    streams: [path('../../bench/streams')],
    model: path('../../bench/attendance-bench.onnx'),
    features: false,
    lines: numbered(lines),
    write: (text) => {
      for (const line of text.trimEnd().split('\n')) scores.push((JSON.parse(line) as { score: number }).score)
      return Promise.resolve()
    },
  })
  return { scores, others: { duplicates, deadLetters, late } }
}

async function* numbered(lines: Iterable<string>): AsyncGenerator<{ number: number; bytes: Buffer }> {
  let number = 0
  for (const text of lines) yield { number: ++number, bytes: Buffer.from(text) }
}

/** A running engine: from the log to the rows of the warehouse. */
const byEngine =
  (preset: TestPreset) =>
  async (lines: Iterable<string>): Promise<Outcome> => {
    const directory = await mkdtemp(join(tmpdir(), 'tidemill-workload-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const bench = await benchOn(preset, directory)
    await publish(bench, lines)
    const engine = await startEngine(bench.config)
    onTestFinished(() => engine.stop())
    const count = async (rows: string): Promise<number> =>
      Number((await engine.query<{ n: number | string }>(`SELECT count() AS n FROM ${rows}`))[0]!.n)
    while ((await count('predictions_final')) < workload.events)
      await Promise.race([systemClock.sleep(200), engine.failed])
    const rows = await engine.query<{ scores: number[] }>(
      'SELECT arraySort(groupArray((event_id, score))).2 AS scores FROM predictions_final',
    )
    return {
      scores: rows[0]!.scores,
      others: {
        duplicates: await count(`predictions WHERE kind = 'duplicate'`),
        deadLetters: await count('dead_letters'),
        late: await count('predictions_final WHERE late = 1'),
      },
    }
  }

function* hashed(lines: Iterable<string>, hash: ReturnType<typeof createHash>): Generator<string> {
  for (const line of lines) {
    hash.update(`${line}\n`)
    yield line
  }
}

function scoresTheWorkload(score: (lines: Iterable<string>) => Promise<Outcome>): void {
  test(
    'the whole path gives every event of the comparison workload the score that other engines gave it',
    { timeout: 300_000 },
    async () => {
      const hash = createHash('sha256')
      const { scores, others } = await score(hashed(workloadLines(), hash))
      assert.equal(hash.digest('hex'), workload.sha256, 'the events are those of the workload, byte for byte')
      assert.deepEqual(
        { predictions: scores.length, ...others },
        { predictions: 300_000, duplicates: 0, deadLetters: 0, late: 0 },
      )
      const sum = scores.reduce((all, one) => all + one, 0)
      assert.ok(Math.abs(sum - workload.scoreSum) <= workload.scoreSumTolerance, `the scores sum to ${sum}`)
      if (!existsSync(reference))
        return void process.stderr.write(
          `\n!! ${reference} is missing: single scores were NOT compared, only their sum.\n`,
        )
      const expected = JSON.parse(gunzipSync(readFileSync(reference)).toString()) as number[]
      const apart = scores.findIndex((one, i) => Math.abs(one - expected[i]!) > 1e-6)
      assert.equal(apart, -1, `event ${apart} scores ${scores[apart]}, the reference says ${expected[apart]}`)
    },
  )
}

describe('a file', () => scoresTheWorkload(asFile))
onEveryPreset((preset) => scoresTheWorkload(byEngine(preset)))
