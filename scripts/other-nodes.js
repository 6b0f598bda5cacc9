/**
 * The versions of Node beside this one. On each, an engine starts, scores and stops; `replay certify` proves what it
 * served and what an engine on this version of Node served; and the suites of the native modules run. A warning of Node
 * is a failure. After `npm run build`: node scripts/other-nodes.js
 * Ends with `nodes: N passed, N failed`.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeProgram, nodeVersions } from './services/node.js'
import { scoredBy, startEngine } from './start-engine.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'dist/cli/launch.cjs')
const streams = ['attendance', 'infra-metric']
const suites = [
  'test/state/lmdb',
  'test/log/local',
  'test/log/kafka/quiet-queue',
  'test/base/exp2',
  'test/sinks/chdb',
  'test/scorers/onnx',
]
/** What each of them may take on a machine that is busy with other things. */
const timeoutMs = 10 * 60_000
const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
const strict = { ...environment, NODE_OPTIONS: '--trace-deprecation --trace-warnings' }

/**
 * Both outputs of a program that must end with 0.
 * @param {string} command @param {readonly string[]} args @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
const outputOf = (command, args, env) =>
  new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd: root, env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout + stderr)
        else reject(new Error(`${args.join(' ')}: ${String(error.code ?? error.signal)}\n${stdout}${stderr}`))
      },
    )
  })

/** @param {string} output */
function refuseWarnings(output) {
  const warning = /^\(node:\d+\) .*(?:\n\s+at .*)*/m.exec(output)?.[0]
  if (warning !== undefined) throw new Error(warning)
}

/** @param {string} node @param {string} data @returns {Promise<string>} */
async function scores(node, data) {
  const args = [program, 'start', '--port', '0', '--data', data, '--rate', '500']
  const engine = await startEngine({ command: node, args, cwd: root, env: strict })
  try {
    await scoredBy(engine, 1_000, timeoutMs)
  } catch (error) {
    await engine.end('SIGKILL')
    throw error
  }
  const code = await engine.end('SIGINT')
  if (code !== 0) throw new Error(`the engine ended with ${code}: ${engine.output()}`)
  refuseWarnings(engine.output())
  return '1,000 events scored'
}

/** @param {string} node @param {string} data @returns {Promise<string>} */
async function certifies(node, data) {
  for (const stream of streams)
    refuseWarnings(
      await outputOf(
        node,
        [program, 'replay', 'certify', '--stream', stream, '--data', data, '--tenants', 'demo'],
        strict,
      ),
    )
  return streams.join(', ')
}

/** @param {string} node @returns {Promise<string>} */
async function passes(node) {
  const output = await outputOf(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...suites], {
    ...environment,
    CI: 'true',
  })
  const closing = /^\d+ passed, 0 failed$/m.exec(output)?.[0]
  if (closing === undefined) throw new Error(output)
  return closing
}

const count = { passed: 0, failed: 0 }

/** @param {string} what @param {() => Promise<string>} run */
async function check(what, run) {
  const startedMs = Date.now()
  try {
    const result = await run()
    count.passed += 1
    process.stdout.write(`ok      ${what} (${result}; ${Math.round((Date.now() - startedMs) / 1_000)} s)\n`)
  } catch (error) {
    count.failed += 1
    process.stdout.write(`failed  ${what}\n${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** @param {(directory: string) => Promise<void>} work */
async function inDirectory(work) {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-node-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

await inDirectory(async (directory) => {
  const own = join(directory, 'own')
  await check(`Node ${process.versions.node}: an engine starts, scores and stops`, () => scores(process.execPath, own))
  for (const version of nodeVersions) {
    const node = await nodeProgram(version)
    const data = join(directory, version)
    await check(`Node ${version}: an engine starts, scores and stops`, () => scores(node, data))
    await check(`Node ${version}: 'replay certify' proves what it served`, () => certifies(node, data))
    await check(`Node ${version}: and what Node ${process.versions.node} served`, () => certifies(node, own))
    await check(`Node ${version}: the suites of the native modules`, () => passes(node))
  }
})
process.stdout.write(`\nnodes: ${count.passed} passed, ${count.failed} failed\n`)
process.exit(count.failed === 0 ? 0 : 1)
