import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { scoredBy, startEngine } from '../../scripts/start-engine.js'
import { packagePath } from '../../src/config/load.js'

interface Packed {
  readonly filename: string
  /** Of the tarball, and of what is in it. */
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

const run = promisify(execFile)
/** What `npm test` hands down to its children is about this project; a consumer's npm has none of it. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_ENV$)/.test(name)))
const installTimeoutMs = 10 * 60_000

describe('the package', () => {
  let directory: string
  let packed: Packed
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-package-'))
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], {
      cwd: packagePath('.'),
      env: environment,
    })
    packed = (JSON.parse(stdout) as [Packed])[0]
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test('has the program, the models, the schemas and the migrations, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    const belonging = [
      /dist\/.+\.(js|cjs|d\.ts|d\.cts)/,
      /(models|schemas|bench|src\/sinks\/migrations)\/.+/,
      /scripts\/spare-runtime\.js/,
      /[A-Z]+(\.md)?/,
      /package\.json/,
    ]
    const belongs = new RegExp(`^(${belonging.map(({ source }) => source).join('|')})$`)
    assert.deepEqual(
      paths.filter((path) => !belongs.test(path)),
      [],
    )
    const orphans = paths.filter(
      (path) =>
        /^dist\/(?!bench\/).+\.js$/.test(path) &&
        !['js', 'ts'].some((type) => existsSync(packagePath(path.replace(/^dist(.+)js$/, `src$1${type}`)))),
    )
    assert.deepEqual(orphans, [], 'built from files that are gone: remove dist/ and build again')
    for (const needed of ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/cli/launch.cjs', 'dist/index.d.ts'])
      assert.ok(paths.includes(needed), needed)
  })

  test('takes less than 2 MB, and 6 MB on disk', () => {
    assert.ok(packed.size < 2e6, `${packed.size} bytes`)
    assert.ok(packed.unpackedSize < 6e6, `${packed.unpackedSize} bytes`)
  })

  /** As on a machine that npm was never used on: no settings of a person, none of this repository. */
  async function machine(name: string): Promise<{ readonly folder: string; readonly env: NodeJS.ProcessEnv }> {
    const folder = join(directory, name)
    await mkdir(join(folder, 'home'), { recursive: true })
    // Only the downloads of this machine, so that the test is quick; what npx installs goes with the test.
    const { stdout } = await run('npm', ['config', 'get', 'cache'], { cwd: tmpdir(), env: environment })
    await mkdir(join(folder, 'cache'))
    await symlink(join(stdout.trim(), '_cacache'), join(folder, 'cache', '_cacache'))
    return { folder, env: { ...environment, HOME: join(folder, 'home'), npm_config_cache: join(folder, 'cache') } }
  }

  async function startsAndStops(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const engine = await startEngine({ command, args: [...args, 'start', '--ephemeral', '--port', '0'], cwd, env })
    try {
      await scoredBy(engine, 1, installTimeoutMs)
    } finally {
      // npx ends by the signal itself, whatever its command's exit code is.
      assert.equal(await engine.end('SIGINT'), command === 'npx' ? null : 0, engine.output())
      assert.match(engine.output(), /^Stopped after /m)
    }
    assert.doesNotMatch(engine.output(), /^\(node:\d+\)/m)
  }

  test(
    'installs into an empty folder without install scripts, and its engine starts, scores and stops there',
    async () => {
      const { folder, env } = await machine('consumer')
      await writeFile(join(folder, 'package.json'), '{ "private": true }')
      const options = ['--ignore-scripts', ...quick]
      await run('npm', ['install', ...options, join(directory, packed.filename)], { cwd: folder, env })
      await startsAndStops(join(folder, 'node_modules/.bin/tidemill'), [], folder, env)
    },
    installTimeoutMs,
  )

  test(
    'installs globally with install scripts, without a library for a GPU or for another platform',
    async () => {
      const { folder, env } = await machine('global')
      const prefix = join(folder, 'prefix')
      await run('npm', ['install', '-g', '--prefix', prefix, ...quick, join(directory, packed.filename)], {
        cwd: folder,
        env,
      })
      const megabytes = await megabytesIn(prefix)
      process.stdout.write(`npm install -g takes ${megabytes} MB on disk\n`)
      assert.ok(megabytes < mostMegabytes, `${megabytes} MB`)
      await startsAndStops(join(prefix, 'bin/tidemill'), [], folder, env)
      await rm(folder, { recursive: true })
    },
    installTimeoutMs,
  )

  test(
    'runs by npx from an empty folder',
    async () => {
      const { folder, env } = await machine('npx')
      const empty = join(folder, 'empty')
      await mkdir(empty)
      await startsAndStops(
        'npx',
        ['--yes', ...quick, '--package', join(directory, packed.filename), 'tidemill'],
        empty,
        env,
      )
      const megabytes = await megabytesIn(join(folder, 'cache', '_npx'))
      process.stdout.write(`npx takes ${megabytes} MB on disk\n`)
      assert.ok(megabytes < mostMegabytes, `${megabytes} MB`)
    },
    installTimeoutMs,
  )

  test('leaves the runtime alone where another package of the project uses it', async () => {
    const folder = join(directory, 'shared')
    const runtime = join(folder, 'node_modules/onnxruntime-node')
    const ours = join(folder, 'node_modules/tidemill/scripts')
    const platforms = ['linux/x64', 'linux/arm64', 'darwin/arm64', 'win32/x64'].map((one) =>
      join(runtime, 'bin/napi-v6', one),
    )
    const gpu = `{ 'linux/x64:cuda12': { './cuda.so': {} } }`
    for (const path of [...platforms, join(runtime, 'script'), ours]) await mkdir(path, { recursive: true })
    await writeFile(join(runtime, 'package.json'), '{ "name": "onnxruntime-node" }')
    await writeFile(join(dirname(ours), 'package.json'), '{ "name": "tidemill", "type": "module" }')
    await writeFile(
      join(runtime, 'script/install-metadata.js'),
      `module.exports = { requirements: { 'linux/x64': ['cuda12'] }, manifests: ${gpu} }`,
    )
    await copyFile(packagePath('scripts/spare-runtime.js'), join(ours, 'spare-runtime.js'))
    const left = async (dependencies: object): Promise<readonly boolean[]> => {
      await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies }))
      await run(process.execPath, [join(ours, 'spare-runtime.js')], { cwd: folder, env: environment })
      return platforms.map((path) => existsSync(path))
    }
    assert.deepEqual(await left({ tidemill: '1', 'onnxruntime-node': '1' }), [true, true, true, true])
    const others = platforms.map((path) => path.endsWith(`${process.platform}/${process.arch}`))
    assert.deepEqual(await left({ tidemill: '1' }), others)
  })
})

const quick = ['--prefer-offline', '--no-audit', '--no-fund']
/** ClickHouse has 543 of them. */
const mostMegabytes = 760

/** As `du -sm` counts: a file with several names once. */
async function megabytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true })
  const files = await Promise.all(entries.map((entry) => lstat(join(folder, entry))))
  const sizes = new Map(files.map(({ ino, blocks }) => [ino, blocks * 512]))
  return Math.ceil([...sizes.values()].reduce((sum, size) => sum + size, 0) / 2 ** 20)
}
