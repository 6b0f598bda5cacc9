import { strict as assert } from 'node:assert'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { clientEnvironment, loadConfig, type ConfigSources } from '../../src/config/load.js'
import { settings } from '../../src/config/settings.js'
import { isEngineError } from '../../src/base/errors.js'
import { packagePath } from '../../src/config/load.js'

const directory = mkdtempSync(join(tmpdir(), 'tidemill-config-'))

/** The configuration of the given sources alone, without the environment. */
const configOf = (sources: ConfigSources): ReturnType<typeof loadConfig> =>
  loadConfig({ variables: {}, directory, ...sources })

const fileOf = (yaml: string): string => {
  const path = join(mkdtempSync(join(directory, 'file-')), 'tidemill.yaml')
  writeFileSync(path, yaml)
  return path
}

/** The problems that `loadConfig` reports. */
function problemsOf(sources: ConfigSources): readonly string[] {
  try {
    configOf(sources)
  } catch (error) {
    assert.ok(isEngineError(error, 'BAD_CONFIG'))
    return error.message
      .split('\n')
      .filter((line) => line.startsWith('  - '))
      .map((line) => line.slice(4))
  }
  return []
}

describe('without any source', () => {
  test('the engine runs embedded on loopback, with the demo, and keeps its data', () => {
    const config = configOf({})
    assert.equal(config.preset, 'embedded')
    assert.deepEqual(config.api, { host: '127.0.0.1', port: 8787, anyPort: true })
    assert.equal(config.dataDirectory, join(directory, 'data'))
    assert.deepEqual(config.demo, { enabled: true, rate: 200 })
    assert.equal(config.tenants, 'demo')
    assert.equal(config.ephemeral, false)
    assert.equal(config.models.directory, packagePath('models'))
  })

  test('without the demo there are no tenants', () => {
    assert.deepEqual(configOf({ flags: { 'demo.enabled': false } }).tenants, [])
  })
})

describe('precedence', () => {
  const configPath = fileOf('api: {port: 1001}\ndemo: {rate: 1}\nscoring: {chunkRecords: 11}\n')

  test('a flag wins over a variable, a variable over the file, the file over the default', () => {
    const config = configOf({
      configPath,
      variables: { TIDEMILL_API_PORT: '1002', TIDEMILL_DEMO_RATE: '2' },
      flags: { 'api.port': '1003' },
    })
    assert.deepEqual(
      [config.api.port, config.demo.rate, config.scoring.chunkRecords, config.scoring.commitIntervalMs],
      [1003, 2, 11, 200],
    )
  })

  test('every value has its origin', () => {
    const { origins } = configOf({ configPath, variables: { TIDEMILL_DEMO_RATE: '2' }, flags: { 'api.port': 5 } })
    assert.deepEqual(
      [origins['api.port'], origins['demo.rate'], origins['scoring.chunkRecords'], origins['scoring.commitIntervalMs']],
      ['--port', 'TIDEMILL_DEMO_RATE', `${configPath}:3`, 'default'],
    )
  })

  test('a port from any source must be free', () => {
    assert.equal(configOf({ configPath }).api.anyPort, false)
    assert.equal(configOf({ variables: { TIDEMILL_API_PORT: '8787' } }).api.anyPort, false)
  })

  test('TIDEMILL_CONFIG names the file when no flag does', () => {
    assert.equal(configOf({ variables: { TIDEMILL_CONFIG: configPath } }).api.port, 1001)
  })

  test('an empty variable, or a setting without a value in the file, leaves the default', () => {
    assert.equal(configOf({ variables: { TIDEMILL_API_PORT: '' } }).api.anyPort, true)
    assert.deepEqual(configOf({ configPath: fileOf('streams:\n  paths:\n    # - ./mine\napi:\n') }).streams, {
      builtin: 'all',
      paths: [],
      accept: [],
    })
  })
})

describe('paths', () => {
  test('are relative to the file that names them, or to the working directory', () => {
    const configPath = fileOf('dataDirectory: here\nstreams: {paths: [mine, /abs]}\n')
    const config = configOf({ configPath, flags: { 'models.directory': 'there' } })
    assert.equal(config.dataDirectory, join(configPath, '..', 'here'))
    assert.deepEqual(config.streams.paths, [join(configPath, '..', 'mine'), '/abs'])
    assert.equal(config.models.directory, join(directory, 'there'))
  })
})

describe('text', () => {
  test('is converted to the type of the setting', () => {
    const { streams, tenants, warehouse } = configOf({
      variables: {
        TIDEMILL_STREAMS_PATHS: '/a, /b',
        TIDEMILL_TENANTS: 'acme,dunes',
        TIDEMILL_WAREHOUSE_RAW_EVENTS: 'no',
      },
    })
    assert.deepEqual(streams.paths, ['/a', '/b'])
    assert.deepEqual(tenants, [{ id: 'acme' }, { id: 'dunes' }])
    assert.equal(warehouse.rawEvents, false)
  })

  test("'any' is the wildcard only when it is the whole value", () => {
    assert.equal(configOf({ flags: { tenants: 'any' } }).tenants, 'any')
    assert.deepEqual(configOf({ flags: { tenants: 'any,acme' } }).tenants, [{ id: 'any' }, { id: 'acme' }])
  })
})

describe('problems', () => {
  test('are reported all at once, each with its origin and what is allowed', () => {
    const configPath = fileOf('preset: clutter\napi: {port: many, prot: 3}\nwarehouse: 3\n')
    assert.deepEqual(
      problemsOf({ configPath, variables: { TIDEMILL_API_PROT: '1' }, flags: { 'demo.rate': 'fast' } }).toSorted(),
      [
        'TIDEMILL_API_PROT: there is no such variable; did you mean TIDEMILL_API_PORT?',
        `api.port (${configPath}:2): 'many' is not a whole number from 0 to 65535`,
        `api.prot (${configPath}:2): there is no such setting; did you mean api.port?`,
        "demo.rate (--rate): 'fast' is not a number from 0.1 to 100000",
        `preset (${configPath}:1): 'clutter' is not 'embedded' or 'cluster'`,
        `warehouse (${configPath}): must be a mapping of settings`,
      ],
    )
  })

  test('never show a secret', () => {
    const configPath = fileOf('schemaRegistry: {password: 12345}\n')
    assert.deepEqual(problemsOf({ configPath }), [`schemaRegistry.password (${configPath}:1): the value is not text`])
  })

  test('include a file that is missing or not YAML', () => {
    assert.match(problemsOf({ configPath: join(directory, 'none.yaml') })[0]!, /none\.yaml: cannot be read/)
    assert.match(problemsOf({ configPath: fileOf('api: {port: 1\n') })[0]!, /tidemill\.yaml: .* at line 2/)
    assert.match(
      problemsOf({ configPath: fileOf('api: {port: 1}\napi: {port: 2}\n') })[0]!,
      /Map keys must be unique at line 2/,
    )
  })

  test('do not include variables that Kubernetes sets for a service named tidemill', () => {
    assert.deepEqual(
      problemsOf({
        variables: {
          TIDEMILL_SERVICE_HOST: '10.0.0.1',
          TIDEMILL_PORT: 'tcp://10.0.0.1:8787',
          TIDEMILL_PORT_8787_TCP_ADDR: '10.0.0.1',
          TIDEMILL_API_PORT: 'tcp://10.0.0.1:1',
        },
      }),
      [],
    )
  })

  const contradictions: readonly [string, Readonly<Record<string, unknown>>, RegExp][] = [
    [
      'commits further apart than their maximum',
      { 'scoring.commitIntervalMs': 500, 'scoring.commitIntervalMaxMs': 400 },
      /commitIntervalMaxMs .* 400 is less than .* 500/,
    ],
    ['a demo whose tenants are left out', { 'demo.enabled': true, tenants: 'acme' }, /demo\.enabled .* leaves out/],
    [
      'a demo without its streams',
      { 'streams.builtin': [], 'streams.paths': ['/mine'] },
      /demo\.enabled .* leaves none/,
    ],
    ['nothing to score', { 'streams.builtin': [], 'demo.enabled': false }, /there is no stream/],
    ['an ephemeral engine that keeps its data', { ephemeral: true, dataDirectory: '/x' }, /ephemeral .* keeps nothing/],
    [
      'a tenant with a control character',
      { tenants: [{ id: 'a\u0001b' }] },
      /tenants .* is not 'any', 'demo' or a list/,
    ],
  ]
  for (const [what, flags, expected] of contradictions)
    test(`${what} is refused`, () => {
      assert.match(problemsOf({ flags }).join('\n'), expected)
    })

  test('do not include settings that only look contradictory', () => {
    assert.equal(configOf({ flags: { 'scoring.commitIntervalMs': 5_000 } }).scoring.commitIntervalMaxMs, 5_000)
    assert.equal(configOf({ flags: { ephemeral: true }, configPath: fileOf('dataDirectory: /x') }).ephemeral, true)
    assert.equal(configOf({ flags: { tenants: 'acme' } }).demo.enabled, false)
  })
})

test('every setting has a description and its own variable and flag', () => {
  for (const setting of settings) assert.ok((setting.schema.description ?? '').length > 20, setting.path)
  assert.equal(new Set(settings.map((setting) => setting.variable)).size, settings.length)
  const flags = settings.flatMap((setting) => setting.flag?.split(' ')[0] ?? [])
  assert.equal(new Set(flags).size, flags.length)
})

test('the example file names every setting, with its default', () => {
  const text = readFileSync(packagePath('tidemill.example.yaml'), 'utf8')
  for (const { path } of settings) assert.match(text, new RegExp(`^ *(# +)?${path.split('.').at(-1)!}:`, 'm'))
  const example = configOf({ configPath: packagePath('tidemill.example.yaml') })
  const defaults = configOf({})
  assert.deepEqual(
    { ...example, file: undefined, origins: {}, api: { ...example.api, anyPort: true }, dataDirectory: '' },
    { ...defaults, origins: {}, dataDirectory: '' },
  )
})

test('NO_COLOR and a dumb terminal switch colours off', () => {
  assert.deepEqual(
    [{}, { NO_COLOR: '1' }, { TERM: 'dumb' }].map((variables) => clientEnvironment(variables).colour),
    [true, false, false],
  )
})
