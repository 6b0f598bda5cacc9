import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import { compile } from '../src/features/plan.js'
import { simulatorHash } from '../src/simulator/hash.js'
import { createWorld, type World } from '../src/simulator/index.js'
import { builtinStreams } from '../src/streams/index.js'
import type { Stream } from '../src/streams/stream.js'
import { named, serve } from './served.js'

/**
 * Writes labelled vectors of simulated worlds as gzipped NDJSON: a header, then a row for each event.
 *
 *   --stream S --seeds 1,2 --start 2026-01-05 --days 60 --patterns training|testing --out FILE
 *   --skip-days N    leaves out the first N days, in which nobody has a history yet
 *   --keep 0.2       keeps this share of the rows that are genuine and gives each the weight of those left out
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

/** What a trainer in life would know by then: outcomes that have come in, and silence that has grown old enough. */
function knowledge(world: World, stream: Stream, fromMs: number, toMs: number): (id: string, timeMs: number) => 0 | 1 | null {
  const told = new Map<string, 0 | 1>()
  for (const outcome of world.outcomes(fromMs, toMs)) if (outcome.stream === stream.name) told.set(outcome.event_id, outcome.label)
  return (id, timeMs) => told.get(id) ?? (timeMs + stream.outcome.matureAfterMs <= toMs ? 0 : null)
}

/** Float32 to the fewest digits that read back as the same float; NaN as null. */
const compact = (value: number): string => (Number.isNaN(value) ? 'null' : Number.isFinite(value) ? String(Number(value.toPrecision(9))) : value > 0 ? '3.4e38' : '-3.4e38')

async function main(): Promise<void> {
  const stream = builtinStreams.find(({ name }) => name === required('stream'))
  if (stream === undefined) throw new Error(`no stream is called ${required('stream')}`)
  const plan = compile(stream)
  const startMs = Date.parse(required('start'))
  const endMs = startMs + Number(required('days')) * dayMs
  const keep = Number(values.keep)
  const patterns = values.patterns === 'testing' ? 'testing' : 'training'
  await mkdir(dirname(required('out')), { recursive: true })
  const file = createWriteStream(required('out'))
  const out = createGzip({ level: 1 })
  out.pipe(file)
  const write = async (line: string): Promise<void> => {
    if (!out.write(`${line}\n`)) await once(out, 'drain')
  }
  const seeds = required('seeds').split(',').map(Number)
  await write(JSON.stringify({
    stream: stream.name, family: stream.model, fingerprint: plan.fingerprint, features: plan.names, simulator: simulatorHash(), seeds, patterns,
    fromMs: startMs + Number(values['skip-days']) * dayMs, toMs: endMs, risk: stream.risk, silence_means: stream.outcome.silenceMeans,
  }))
  for (const seed of seeds) {
    const options = { seed, startMs, patterns, scale: Number(values.scale) } as const
    const known = knowledge(createWorld(options), stream, startMs, endMs)
    const world = createWorld(options)
    let genuine = 0
    for (const { raw, id, timeMs, arrivedMs, vector } of serve(world, stream, startMs, endMs, plan)) {
      if (arrivedMs < startMs + Number(values['skip-days']) * dayMs) continue
      const scheme = world.truthOf(raw)
      const learned = known(id, timeMs)
      // Every 1/keep-th row: the same rows however often this is run.
      const thinned = scheme === undefined && learned !== 1
      if (thinned && Math.floor(++genuine * keep) === Math.floor((genuine - 1) * keep)) continue
      const score = stream.heuristic(named(plan, vector))
      await write(`{"seed":${seed},"t":${timeMs},"scheme":${JSON.stringify(scheme ?? null)},"known":${String(learned)},"w":${thinned ? 1 / keep : 1},"heuristic":${compact(score)},"x":[${Array.from(vector, compact).join(',')}]}`)
    }
  }
  out.end()
  await once(file, 'finish')
}

await main()
