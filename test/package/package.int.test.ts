import { strict as assert } from 'node:assert'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

  test(
    'installs into an empty folder, and its engine starts, scores and stops there',
    async () => {
      const consumer = join(directory, 'consumer')
      await mkdir(consumer)
      await writeFile(join(consumer, 'package.json'), '{ "private": true }')
      // As docs/install.md says.
      const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
      await run('npm', ['install', ...options, join(directory, packed.filename)], { cwd: consumer, env: environment })

      const engine = await startEngine({
        command: join(consumer, 'node_modules/.bin/tidemill'),
        args: ['start', '--ephemeral', '--port', '0'],
        cwd: consumer,
        env: environment,
      })
      try {
        await scoredBy(engine, 1, installTimeoutMs)
      } finally {
        assert.equal(await engine.end('SIGINT'), 0, engine.output())
      }
      assert.doesNotMatch(engine.output(), /^\(node:\d+\)/m)
    },
    installTimeoutMs,
  )
})
