import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Value } from '@sinclair/typebox/value'
import { allowed, shown } from './describe.js'
import { roles as allRoles, settings, type Role, type Settings } from './settings.js'
import { fromEnvironment, fromFile, fromFlags, type Given } from './sources.js'
import { EngineError } from '../base/errors.js'

/** Everything that can be chosen about an engine: complete, checked, with absolute paths. */
export interface Config extends Omit<Settings, 'api' | 'tenants' | 'models' | 'demo'> {
  /** `anyPort`: the port is only a wish, another free one will do. */
  readonly api: Settings['api'] & { readonly anyPort: boolean }
  /** Whose events are scored: those of the simulator, of everybody, or of the listed. */
  readonly tenants: 'demo' | 'any' | readonly { readonly id: string }[]
  readonly models: { readonly directory: string }
  readonly demo: { readonly enabled: boolean; readonly rate: number }
  /** The file that was read, where there was one. */
  readonly file: string | undefined
  /** Where each value came from, by path: `default`, `--port`, `TIDEMILL_API_PORT`, `tidemill.yaml:4`. */
  readonly origins: Readonly<Record<string, string>>
}

export interface ConfigSources {
  /** Values by setting path (`api.port`), as text or typed. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** A YAML file; TIDEMILL_CONFIG where it is absent. */
  readonly configPath?: string
  /** The process's own where they are absent. */
  readonly variables?: Readonly<Record<string, string | undefined>>
  /** What relative paths of flags and variables start from; the working directory where it is absent. */
  readonly directory?: string
  /**
   * Which servers of the cluster preset must be named; all that the roles need where it is absent, none where it is
   * empty.
   */
  readonly servers?: readonly 'kafka'[]
}

const packageDirectory = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The configuration, parsed once and whole: flags over environment over file over defaults. Throws BAD_CONFIG with
 * every problem at once, each with its setting, where it was given and what is allowed.
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  const variables = sources.variables ?? process.env
  const directory = sources.directory ?? process.cwd()
  const file = sources.configPath ?? variables['TIDEMILL_CONFIG']
  const read = [
    fromFlags(sources.flags ?? {}, directory),
    fromEnvironment(variables, directory),
    ...(file === undefined ? [] : [fromFile(resolve(directory, file))]),
  ]
  const problems = read.flatMap((source) => source.problems)
  const values: Record<string, unknown> = {}
  const given = new Map<string, Given>()
  for (const setting of settings) {
    const candidates = read.flatMap((source) => source.given.get(setting.path) ?? [])
    for (const { value, origin } of candidates)
      if (!Value.Check(setting.schema, value))
        problems.push(
          `${setting.path} (${origin}): ` +
            `${setting.schema['secret'] === true ? 'what was given' : shown(value)} is not ` +
            allowed(setting.schema),
        )
    if (candidates[0] !== undefined) given.set(setting.path, candidates[0])
    values[setting.path] = candidates[0]?.value ?? setting.schema.default
  }
  if (problems.length > 0) throw refused(problems)
  const config = complete(values, given, directory, file === undefined ? undefined : resolve(directory, file))
  const contradictions = relations(config, given, sources)
  if (contradictions.length > 0) throw refused(contradictions)
  return config
}

const refused = (problems: readonly string[]): EngineError =>
  new EngineError(
    'BAD_CONFIG',
    'the configuration has ' +
      `${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  )

/** Fills in what depends on other settings. */
function complete(
  values: Readonly<Record<string, unknown>>,
  given: ReadonlyMap<string, Given>,
  directory: string,
  file: string | undefined,
): Config {
  const nested: Record<string, Record<string, unknown>> & Record<string, unknown> = {}
  for (const [path, value] of Object.entries(values)) {
    const [group, name] = path.split('.') as [string, string | undefined]
    if (name === undefined) nested[group] = value as Record<string, unknown>
    else if (value !== undefined) (nested[group] ??= {})[name] = value
    else nested[group] ??= {}
  }
  const settled = nested as unknown as Settings
  const enabled = settled.demo.enabled ?? (settled.preset === 'embedded' && !Array.isArray(settled.tenants))
  return {
    ...settled,
    file,
    dataDirectory: resolve(directory, settled.dataDirectory),
    api: { ...settled.api, anyPort: !given.has('api.port') },
    tenants: settled.tenants ?? (enabled ? 'demo' : []),
    scoring: given.has('scoring.commitIntervalMaxMs')
      ? settled.scoring
      : {
          ...settled.scoring,
          commitIntervalMaxMs: Math.max(settled.scoring.commitIntervalMs, settled.scoring.commitIntervalMaxMs),
        },
    models: { directory: settled.models.directory ?? resolve(packageDirectory, 'models') },
    demo: { ...settled.demo, enabled },
    origins: Object.fromEntries(settings.map(({ path }) => [path, given.get(path)?.origin ?? 'default'])),
  }
}

/** What no single setting can say. */
function relations(config: Config, given: ReadonlyMap<string, Given>, sources: ConfigSources): string[] {
  const problems: string[] = []
  const where = (path: string): string => `${path} (${config.origins[path]!})`
  if (config.scoring.commitIntervalMaxMs < config.scoring.commitIntervalMs)
    problems.push(
      `${where('scoring.commitIntervalMaxMs')}: ${config.scoring.commitIntervalMaxMs} is less than ` +
        `${where('scoring.commitIntervalMs')}, ${config.scoring.commitIntervalMs}`,
    )
  if (config.demo.enabled && Array.isArray(config.tenants))
    problems.push(
      `${where('demo.enabled')}: the demo's events belong to the simulator's tenants, which ` +
        `${where('tenants')} leaves out; take tenants 'demo' or 'any', or no demo`,
    )
  if (config.demo.enabled && config.streams.builtin.length === 0)
    problems.push(
      `${where('demo.enabled')}: the demo makes events of built-in streams, and ${where('streams.builtin')} ` +
        'leaves none',
    )
  if (config.streams.builtin.length === 0 && config.streams.paths.length === 0)
    problems.push(`${where('streams.builtin')}: there is no stream to score; name some, or your own in streams.paths`)
  problems.push(...presetProblems(config, given, where, sources))
  const directory = given.get('dataDirectory')
  const ephemeral = given.get('ephemeral')
  // A flag may make one run ephemeral whatever the file says; asking for both in one breath is a mistake.
  if (config.ephemeral && directory !== undefined && (ephemeral?.source !== 'flag' || directory.source === 'flag'))
    problems.push(
      `${where('ephemeral')}: keeps nothing, so ${where('dataDirectory')} would stay empty; give one of them`,
    )
  return problems
}

/** What a preset needs, and what it cannot do. */
function presetProblems(
  { preset, roles, workers, kafka, redis, clickhouse }: Config,
  given: ReadonlyMap<string, Given>,
  where: (path: string) => string,
  { servers }: ConfigSources,
): string[] {
  if (preset === 'embedded') {
    const alone = (path: string, what: string): string[] => [
      `${where(path)}: the embedded preset is one process, which ${what}; take the preset 'cluster'`,
    ]
    return [
      ...(given.has('roles') && allRoles.some((role) => !roles.includes(role)) ? alone('roles', 'has every role') : []),
      ...(workers > 1 ? alone('workers', 'holds its data alone') : []),
    ]
  }
  const needs = (role: readonly Role[]): boolean => servers === undefined && role.some((one) => roles.includes(one))
  const problems: string[] = []
  if (kafka.brokers.length === 0 && servers?.length !== 0)
    problems.push(`kafka.brokers: the preset 'cluster' needs some, host:port`)
  if (needs(['scoring', 'api']) && redis.nodes.length === 0)
    problems.push(`redis.nodes: the roles 'scoring' and 'api' need one, host:port`)
  if (needs(['warehouse', 'api']) && clickhouse.url === undefined)
    problems.push(`clickhouse.url: the roles 'warehouse' and 'api' need it, http://host:8123`)
  if (workers > 1 && !roles.includes('scoring'))
    problems.push(`${where('workers')}: workers score, but ${where('roles')} leaves 'scoring' out`)
  if ((kafka.saslMechanism !== undefined) !== (kafka.username !== undefined && kafka.password !== undefined))
    problems.push('kafka.saslMechanism, kafka.username and kafka.password: all three or none')
  if ((kafka.certFile === undefined) !== (kafka.keyFile === undefined))
    problems.push('kafka.certFile and kafka.keyFile: both or none')
  return problems
}

/** What commands need that talk to a running engine. */
export interface ClientEnvironment {
  readonly url: string | undefined
  readonly key: string | undefined
  /** False where colours and cursor movements are unwelcome (NO_COLOR, TERM=dumb). */
  readonly colour: boolean
}

export function clientEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): ClientEnvironment {
  const text = (name: string): string | undefined =>
    variables[name] === undefined || variables[name] === '' ? undefined : variables[name]
  return {
    url: text('TIDEMILL_URL'),
    key: text('TIDEMILL_KEY'),
    colour: text('NO_COLOR') === undefined && variables['TERM'] !== 'dumb',
  }
}

/** The package's own files: `models`, `schemas`. */
export const packagePath = (name: string): string => resolve(packageDirectory, name)

/** Of this build. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version

/**
 * Where things lie in a data directory. Models are those that came over the log, backups what ClickHouse writes of
 * itself for a moment. Keys and the demo's key are for their owner's eyes alone.
 */
export const dataPaths = (dataDirectory: string) => ({
  log: resolve(dataDirectory, 'log'),
  state: resolve(dataDirectory, 'state'),
  warehouse: resolve(dataDirectory, 'warehouse'),
  models: resolve(dataDirectory, 'models'),
  backtests: resolve(dataDirectory, 'backtests'),
  backups: resolve(dataDirectory, 'warehouse', 'backups'),
  demo: resolve(dataDirectory, 'demo.json'),
  /** Stands there while a restore is not whole. */
  restoring: resolve(dataDirectory, 'restore.incomplete'),
  keys: resolve(dataDirectory, 'keys.json'),
  demoKey: resolve(dataDirectory, 'demo-key'),
})
