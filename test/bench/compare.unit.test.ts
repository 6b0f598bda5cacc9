import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Engine } from '../../bench/compare/engine.js'
import { numberOf } from '../../bench/compare/engine.js'
import { cpuAnEvent, median, mediansOf, ratiosOf } from '../../bench/compare/figures.js'
import { peersIn } from '../../bench/compare/peers.js'
import { missingSteps, rowsIn, stepsOf } from '../../bench/compare/plan.js'
import { cpuSecondsIn } from '../../bench/compare/processes.js'

const engine = (name: string, more: Partial<Engine> = {}): Engine => ({
  name,
  about: '',
  build: () => Promise.resolve(),
  program: () => Promise.resolve({ command: name, args: [], env: {} }),
  read: () => [],
  ...more,
})
const engines = [
  engine('tidemill'),
  engine('kafka-streams'),
  engine('tuned', { measurements: ['latency-1000', 'latency-3000'] }),
]
const named = (steps: ReturnType<typeof stepsOf>) =>
  steps.map(({ measurement, engine: { name }, run }) => `${measurement.name} ${name} ${run}`)

test('the engines of a measurement take turns, and each run begins with another one', () => {
  expect(named(stepsOf(engines, 2, ['backlog']))).toEqual([
    'backlog tidemill 1',
    'backlog kafka-streams 1',
    'backlog kafka-streams 2',
    'backlog tidemill 2',
  ])
})

test('an engine runs its own measurements, and all of them where it is named', () => {
  expect(named(stepsOf(engines, 1, []))).not.toContain('backlog tuned 1')
  expect(named(stepsOf(engines, 1, []))).toContain('latency-3000 tuned 1')
  expect(named(stepsOf(engines, 1, ['backlog', 'tuned']))).toEqual(['backlog tuned 1'])
})

test('an unknown name is refused with the names of the measurements and engines', () => {
  expect(() => stepsOf(engines, 1, ['flink'])).toThrow(/flink: neither .* tidemill, kafka-streams, tuned/)
})

test('a measurement whose result is in the file is not run again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-compare-test-'))
  const file = join(directory, 'results.ndjson')
  const steps = stepsOf(engines, 2, ['backlog'])
  expect(missingSteps(steps, await rowsIn(file))).toEqual(steps)
  await writeFile(
    file,
    `${JSON.stringify({ measurement: 'backlog', engine: 'tidemill', run: 1, figures: { eventsPerSecond: 1 } })}\n`,
  )
  expect(named(missingSteps(steps, await rowsIn(file)))).toEqual([
    'backlog kafka-streams 1',
    'backlog kafka-streams 2',
    'backlog tidemill 2',
  ])
  await rm(directory, { recursive: true })
})

test('a median is the middle run, or lies between the two middle ones', () => {
  expect(median([3, 100, 1])).toBe(3)
  expect(median([4, 1, 2, 100])).toBe(3)
})

test('each figure has its own median, and a ratio is ours divided by theirs', () => {
  const rows = [1, 2, 3].flatMap((run) => [
    { measurement: 'backlog', engine: 'tidemill', run, figures: { eventsPerSecond: 10 * run, totalCpuMicros: 40 } },
    { measurement: 'backlog', engine: 'quix', run, figures: { eventsPerSecond: 5 * run, totalCpuMicros: 80 - run } },
  ])
  const medians = mediansOf(rows)
  expect(medians['backlog']?.['tidemill']?.['eventsPerSecond']).toBe(20)
  expect(ratiosOf(medians['backlog'] ?? {})).toEqual({ quix: { eventsPerSecond: 2, totalCpuMicros: 40 / 78 } })
})

test('there is no ratio without a result of Tidemill', () => {
  expect(ratiosOf({ quix: { eventsPerSecond: 1 } })).toEqual({})
})

test('the CPU of an event includes the servers that an engine needs', () => {
  expect(cpuAnEvent({ engine: 3, kafka: 1 }, 100_000)).toEqual({
    engineCpuMicros: 30,
    kafkaCpuMicros: 10,
    totalCpuMicros: 40,
  })
})

test('the CPU of a process is read also where its name has spaces and brackets', () => {
  expect(cpuSecondsIn('12 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 0')).toBe(3)
})

test('peers answer with one JSON object a prediction', () => {
  const [kafkaStreams] = peersIn('/nowhere', '/nowhere')
  expect(kafkaStreams?.read(Buffer.from('{"event_id":"e0000042","score":0.25}'))).toEqual([[42, 0.25]])
  expect(numberOf('e0299999')).toBe(299_999)
})

test('a benchmark names the servers that are missing before anything is built', async () => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const bench of ['bench:compare', 'bench:cluster']) {
    const [first] = scripts[bench]!.split(' && ')
    const [program, ...args] = first!.split(' ')
    expect([bench, program]).toEqual([bench, 'node'])
    const { status, stderr } = spawnSync(process.execPath, args, { env: { PATH: '/nowhere' }, encoding: 'utf8' })
    expect(status).toBe(4)
    expect(stderr).toContain('redis-server is not on PATH')
  }
})
