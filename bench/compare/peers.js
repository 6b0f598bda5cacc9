// Other engines on the same workload. Their code is no part of this project: it lies in a folder of its own, with a
// description of the workload, and is built into a cache.
import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from '../../scripts/services/cache.js'
import { numberOf } from './engine.js'

/** @typedef {import('./engine.js').Engine} Engine @typedef {import('./engine.js').Run} Run */

/** @param {Buffer} value @returns {readonly import('./engine.js').Scored[]} */
function read(value) {
  const { event_id: id, score } = JSON.parse(value.toString())
  return [[numberOf(id), score]]
}

/**
 * What every peer reads from its environment. @param {{ source: string, cache: string }} place @param {Run} run @param
 * {{ backlog: string, latency: string }} lingerMs
 */
const environment = ({ source, cache }, { name, directory, broker, input, output, kind }, lingerMs) => ({
  BOOT: broker,
  IN: input,
  OUT: output,
  APP_ID: name,
  STATE_DIR: join(directory, 'state'),
  MODEL: join(source, 'fraud.onnx'),
  LINGER: lingerMs[kind],
  PEERS_DEPS: cache,
})

/** @param {string} folder @returns {Promise<string[]>} */
const javaFiles = async (folder) =>
  (await readdir(folder)).filter((file) => file.endsWith('.java')).map((file) => join(folder, file))

/**
 * The peers in `source`, built in `cache`. Their settings are those that their authors chose for them; `tuned` is the
 * best line that was found for Kafka Streams.
 * @param {string} source
 * @param {string} [cache]
 * @returns {readonly Engine[]}
 */
export function peersIn(
  source,
  cache = process.env['PEERS_DEPS'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tidemill-peers'),
) {
  const jars = join(cache, 'ks-libs')
  const classes = join(cache, 'ks-classes')
  const python = join(cache, 'venv', 'bin', 'python')

  async function buildKafkaStreams() {
    await mkdir(classes, { recursive: true })
    if (!existsSync(jars))
      await runToEnd('mvn', [
        '-q',
        '-B',
        '-f',
        join(source, 'src/ks/pom.xml'),
        'dependency:copy-dependencies',
        `-DoutputDirectory=${jars}`,
      ])
    await runToEnd('javac', [
      '-cp',
      join(jars, '*'),
      '-d',
      classes,
      ...(await javaFiles(join(source, 'src/common'))),
      ...(await javaFiles(join(source, 'src/ks'))),
    ])
  }

  async function buildQuix() {
    if (existsSync(python)) return
    await runToEnd('python3', ['-m', 'venv', join(cache, 'venv')])
    await runToEnd(python, ['-m', 'pip', 'install', '-q', '-r', join(source, 'src/quix/requirements.txt')])
  }

  /**
   * @param {string} name @param {string} about @param {{ guarantee?: string, threads?: string, lingerMs?: string,
   * warmSeconds?: number, measurements?: readonly string[] }} how @returns {Engine}
   */
  const kafkaStreams = (
    name,
    about,
    { guarantee = 'at_least_once', threads = '2', lingerMs = '1', warmSeconds = 0, ...rest } = {},
  ) => ({
    name,
    about,
    ...rest,
    warmSeconds,
    build: buildKafkaStreams,
    program: async (run) => ({
      command: 'java',
      args: ['-Xmx1g', '-cp', `${classes}:${join(jars, '*')}`, 'peers.KsPeer'],
      env: {
        ...environment({ source, cache }, run, { backlog: '100', latency: lingerMs }),
        GUARANTEE: guarantee,
        THREADS: threads,
        STORE: 'rocksdb',
        CACHE: '1',
        CACHE_BYTES: String(64 * 1024 * 1024),
      },
    }),
    read,
  })

  return [
    kafkaStreams('kafka-streams', 'at least once, 2 threads, RocksDB; linger 100 ms (backlog), 1 ms (latency)'),
    kafkaStreams('kafka-streams-tuned', 'at least once, 1 thread, linger 5 ms (latency), warm-up of 30 s', {
      threads: '1',
      lingerMs: '5',
      warmSeconds: 30,
      measurements: ['latency-1000', 'latency-3000'],
    }),
    kafkaStreams('kafka-streams-eos', 'exactly once (v2), 2 threads; runs where it is named', {
      guarantee: 'exactly_once_v2',
      measurements: [],
    }),
    {
      name: 'quix',
      about: 'at least once, one process; linger 20 ms (backlog), 1 ms (latency)',
      build: buildQuix,
      program: async (run) => ({
        command: python,
        args: [join(source, 'src/quix/app.py')],
        env: { ...environment({ source, cache }, run, { backlog: '20', latency: '1' }), GUARANTEE: 'at-least-once' },
      }),
      read,
    },
  ]
}
