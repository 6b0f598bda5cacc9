import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Value } from '@sinclair/typebox/value'
import { demoModels } from './demo-models.js'
import { allowed, shown } from './describe.js'
import { roles as allRoles, settings, type Role, type Settings } from './settings.js'
import { fromEnvironment, fromFile, fromFlags, type Given } from './sources.js'
import { EngineError } from '../base/errors.js'

/** All settings of an engine: complete, checked, with absolute paths. */
export interface Config extends Omit<Settings, 'api' | 'tenants' | 'models' | 'demo'> {
  /** `anyPort`: the port is a default; the engine may take another free one. */
  readonly api: Settings['api'] & { readonly anyPort: boolean }
  /** Whose events are scored: the simulator's tenants, every tenant, or the listed ones. */
  readonly tenants: 'demo' | 'any' | readonly { readonly id: string }[]
  /** `serve`: the models that serve from the start, `family/version`. */
  readonly models: { readonly directory: string; readonly serve: readonly string[] }
  readonly demo: { readonly enabled: boolean; readonly rate: number }
  /** The configuration file, where there is one. */
  readonly file: string | undefined
  /** Where each value came from, by path: `default`, `--port`, `TIDEMILL_API_PORT`, `tidemill.yaml:4`. */
  readonly origins: Readonly<Record<string, string>>
}

export interface ConfigSources {
  /** Values by setting path (`api.port`), as text or typed. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** A YAML file; TIDEMILL_CONFIG where it is absent. */
  readonly configPath?: string
  /** Environment variables; those of the process where absent. */
  readonly variables?: Readonly<Record<string, string | undefined>>
  /** The base of relative paths in flags and variables; the working directory where absent. */
  readonly directory?: string
  /** Servers that the cluster preset must name: absent, all that the roles need; empty, none. */
  readonly servers?: readonly 'kafka'[]
}

const packageDirectory = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Reads the configuration: flags over environment over file over defaults. Throws BAD_CONFIG with every problem at
 * once, each with its setting, its origin and what is allowed.
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
            `${setting.schema['secret'] === true ? 'the value' : shown(value)} is not ` +
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
      `${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n` +
      problems.map((problem) => `  - ${problem}`).join('\n'),
  )

/** Fills in the settings that depend on others. */
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
    models: modelsOf(settled.models),
    demo: { ...settled.demo, enabled },
    origins: Object.fromEntries(settings.map(({ path }) => [path, given.get(path)?.origin ?? 'default'])),
  }
}

function modelsOf({ directory, serve }: Settings['models']): Config['models'] {
  const own = resolve(packageDirectory, 'models')
  const chosen = directory ?? own
  return { directory: chosen, serve: serve ?? (chosen === own ? demoModels : []) }
}

/** Problems between several settings. */
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
        `${where('tenants')} leaves out; set tenants to 'demo' or 'any', or switch the demo off`,
    )
  if (config.demo.enabled && config.streams.builtin.length === 0)
    problems.push(
      `${where('demo.enabled')}: the demo sends events of built-in streams, and ${where('streams.builtin')} ` +
        'leaves none',
    )
  if (config.streams.builtin.length === 0 && config.streams.paths.length === 0)
    problems.push(
      `${where('streams.builtin')}: there is no stream to score; name some here, or your own in streams.paths`,
    )
  const families = config.models.serve.map((model) => model.slice(0, model.indexOf('/')))
  for (const family of new Set(families.filter((one, at) => families.indexOf(one) !== at)))
    problems.push(`${where('models.serve')}: names two models of family ${family}; only one can serve`)
  problems.push(...presetProblems(config, given, where, sources))
  const directory = given.get('dataDirectory')
  const ephemeral = given.get('ephemeral')
  // A flag may make one run ephemeral although the file names a directory; both as flags is a mistake.
  if (config.ephemeral && directory !== undefined && (ephemeral?.source !== 'flag' || directory.source === 'flag'))
    problems.push(
      `${where('ephemeral')}: keeps nothing, so ${where('dataDirectory')} would stay empty; set only one of them`,
    )
  return problems
}

/** Settings that the preset needs or does not allow. */
function presetProblems(
  { preset, roles, workers, kafka, redis, clickhouse }: Config,
  given: ReadonlyMap<string, Given>,
  where: (path: string) => string,
  { servers }: ConfigSources,
): string[] {
  if (preset === 'embedded') {
    const alone = (path: string, what: string): string[] => [
      `${where(path)}: the preset 'embedded' is one process, which ${what}; use the preset 'cluster'`,
    ]
    return [
      ...(given.has('roles') && allRoles.some((role) => !roles.includes(role)) ? alone('roles', 'has every role') : []),
      ...(workers > 1 ? alone('workers', 'does not share its data') : []),
    ]
  }
  const needs = (role: readonly Role[]): boolean => servers === undefined && role.some((one) => roles.includes(one))
  const problems: string[] = []
  if (kafka.brokers.length === 0 && servers?.length !== 0)
    problems.push(`kafka.brokers: the preset 'cluster' needs at least one, host:port`)
  if (needs(['scoring', 'api']) && redis.nodes.length === 0)
    problems.push(`redis.nodes: the roles 'scoring' and 'api' need at least one, host:port`)
  if (needs(['warehouse', 'api']) && clickhouse.url === undefined)
    problems.push(`clickhouse.url: the roles 'warehouse' and 'api' need it, http://host:8123`)
  if (workers > 1 && !roles.includes('scoring'))
    problems.push(`${where('workers')}: workers score, but ${where('roles')} leaves 'scoring' out`)
  if ((kafka.saslMechanism !== undefined) !== (kafka.username !== undefined && kafka.password !== undefined))
    problems.push('kafka.saslMechanism, kafka.username and kafka.password: set all three or none')
  if ((kafka.certFile === undefined) !== (kafka.keyFile === undefined))
    problems.push('kafka.certFile and kafka.keyFile: set both or none')
  return problems
}

/** Environment variables of the commands that talk to a running engine. */
export interface ClientEnvironment {
  readonly url: string | undefined
  readonly key: string | undefined
  /** False when the user wants no colours and cursor movements (NO_COLOR, TERM=dumb). */
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

/** Path of a file of the package: `models`, `schemas`. */
export const packagePath = (name: string): string => resolve(packageDirectory, name)

/** Version of this build. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version

/**
 * Paths in a data directory. `models` holds models that came over the log; `backups` holds ClickHouse's own backups for
 * the time of a `backup create`. Only the owner may read the key files.
 */
export const dataPaths = (dataDirectory: string) => ({
  log: resolve(dataDirectory, 'log'),
  state: resolve(dataDirectory, 'state'),
  warehouse: resolve(dataDirectory, 'warehouse'),
  models: resolve(dataDirectory, 'models'),
  backtests: resolve(dataDirectory, 'backtests'),
  backups: resolve(dataDirectory, 'warehouse', 'backups'),
  demo: resolve(dataDirectory, 'demo.json'),
  /** Exists while a restore is incomplete. */
  restoring: resolve(dataDirectory, 'restore.incomplete'),
  keys: resolve(dataDirectory, 'keys.json'),
  demoKey: resolve(dataDirectory, 'demo-key'),
})
