import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import { compile } from '../src/features/plan/compile.js'
import { simulatorHash } from './simulator-hash.js'
import { createWorld, type Outcome } from '../src/simulator/index.js'
import { builtinStreams } from '../src/streams/built-in/index.js'
import { named, serve } from './served.js'

/**
 * Writes labelled vectors of simulated worlds as gzipped NDJSON: a header, then a row per event.
 *
 *   --stream S --seeds 1,2 --start 2026-01-05 --days 60 --patterns training|testing --out FILE
 *   --skip-days N    leaves out the first N days, which have too little history
 *   --keep 0.2       keeps this share of the genuine rows and weights each with the rows left out
 *   --scale X        size of the worlds
 */
const dayMs = 86_400_000

const { values } = parseArgs({
  options: {
    stream: { type: 'string' },
    seeds: { type: 'string' },
    start: { type: 'string' },
    days: { type: 'string' },
    'skip-days': { type: 'string', default: '0' },
    patterns: { type: 'string', default: 'training' },
    keep: { type: 'string', default: '1' },
    scale: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
})

function required(name: 'stream' | 'seeds' | 'start' | 'days' | 'out'): string {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is missing`)
  return value
}

interface Row {
  readonly key: string
  readonly timeMs: number
  readonly scheme: string | undefined
  readonly weight: number
  readonly score: number
  readonly vector: Float32Array
}

/** A float32 with enough digits to read the same float back; NaN as null. */
const compact = (value: number): string =>
  Number.isNaN(value)
    ? 'null'
    : Number.isFinite(value)
      ? String(Number(value.toPrecision(9)))
      : value > 0
        ? '3.4e38'
        : '-3.4e38'

async function main(): Promise<void> {
  const stream = builtinStreams.find(({ name }) => name === required('stream'))
  if (stream === undefined) throw new Error(`there is no stream ${required('stream')}`)
  const plan = compile(stream)
  const startMs = Date.parse(required('start'))
  const endMs = startMs + Number(required('days')) * dayMs
  const fromMs = startMs + Number(values['skip-days']) * dayMs
  const keep = Number(values.keep)
  const patterns = values.patterns === 'testing' ? 'testing' : 'training'
  const { write, end } = await gzipFile(required('out'))
  const seeds = required('seeds').split(',').map(Number)
  await write(
    JSON.stringify({
      stream: stream.name,
      family: stream.model,
      fingerprint: plan.fingerprint,
      features: plan.names,
      // Relative to the root, where make.sh runs: the bundle lies elsewhere.
      simulator: simulatorHash('src/simulator/world/'),
      seeds,
      patterns,
      fromMs,
      toMs: endMs,
      risk: stream.risk,
      silence_means: stream.outcome.silenceMeans,
      matureAfterMs: stream.outcome.matureAfterMs,
    }),
  )
  for (const seed of seeds) {
    const world = createWorld({ seed, startMs, patterns, scale: Number(values.scale) })
    const rows: Row[] = []
    const outcomes = new Map<string, 0 | 1>()
    let genuine = 0
    const learn = (outcome: Outcome): void => {
      if (outcome.stream === stream.name) outcomes.set(`${outcome.tenant_id} ${outcome.event_id}`, outcome.label)
    }
    for (const { raw, id, timeMs, arrivedMs, vector } of serve(world, stream, startMs, endMs, plan, learn)) {
      if (arrivedMs < fromMs) continue
      const scheme = world.truthOf(raw)
      // Every 1/keep-th genuine row, the same rows in every run.
      if (scheme === undefined && Math.floor(++genuine * keep) === Math.floor((genuine - 1) * keep)) continue
      rows.push({
        key: `${String(raw[stream.tenant])} ${id}`,
        timeMs,
        scheme,
        weight: scheme === undefined ? 1 / keep : 1,
        score: stream.heuristic(named(plan, vector)),
        vector: vector.slice(),
      })
    }
    for (const { key, timeMs, scheme, weight, score, vector } of rows) {
      // The knowledge of a real deployment at the end: outcomes that arrived, and silence that is old enough.
      const known = outcomes.get(key) ?? (timeMs + stream.outcome.matureAfterMs <= endMs ? 0 : null)
      const label = `"scheme":${JSON.stringify(scheme ?? null)},"known":${String(known)},"w":${weight}`
      const x = Array.from(vector, compact).join(',')
      await write(`{"seed":${seed},"t":${timeMs},${label},"heuristic":${compact(score)},"x":[${x}]}`)
    }
  }
  await end()
}

/** A gzipped text file that is written line by line. */
async function gzipFile(path: string): Promise<{ write(line: string): Promise<void>; end(): Promise<void> }> {
  await mkdir(dirname(path), { recursive: true })
  const file = createWriteStream(path)
  const out = createGzip({ level: 1 })
  out.pipe(file)
  return {
    async write(line) {
      if (!out.write(`${line}\n`)) await once(out, 'drain')
    },
    async end() {
      out.end()
      await once(file, 'finish')
    },
  }
}

await main()
