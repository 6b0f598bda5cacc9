/** Generates the reference pages from the code. The caller passes the modules, built or from source. */
import { PassThrough } from 'node:stream'
import { Registry } from 'prom-client'
import { code, row, wrapped } from './markdown.js'

/** @import { Command, Option } from 'commander' */

const generated = '<!-- scripts/generate-reference.js generates this page from the code; a test compares them. -->'

/**
 * docs/reference/configuration.md
 * @param {Pick<typeof import('../src/config/settings.js'), 'settings'> & Pick<typeof
 *   import('../src/config/describe.js'), 'allowed'>} modules
 */
export function configurationReference({ settings, allowed }) {
  const rows = settings.map(({ path, variable, flag, schema }) =>
    row([
      code(path),
      schema.description ?? '',
      allowed(schema),
      schema.default === undefined ? '' : code(JSON.stringify(schema.default).replaceAll('"', '')),
      code(variable),
      flag === undefined ? '' : `${code(flag)}${flag.startsWith('--no-') ? ' sets false' : ''}`,
    ]),
  )
  return wrapped(`${generated}
# Configuration

Settings come from the flags of \`tidemill start\`, from environment variables and from a YAML file (\`--config\`, \
or \`TIDEMILL_CONFIG\`). A flag wins over a variable, a variable over the file, the file over the default. The engine \
reads the settings once, at start. When one is wrong, it reports every problem at once, each with its origin and what \
is allowed, and does not start (exit code 3). An unknown setting or \`TIDEMILL_\` variable is a problem too.

Flags and variables separate the items of a list with commas. A path is relative to the file that contains it, or to \
the working directory. \`tidemill.example.yaml\` contains every setting with a comment.

| setting | what it does | allowed | default | variable | flag |
|---|---|---|---|---|---|
${rows.join('\n')}

## Relations

* \`scoring.commitIntervalMaxMs\` is at least \`scoring.commitIntervalMs\`.
* The demo needs its tenants (\`tenants: demo\` or \`any\`) and a built-in stream.
* There is at least one stream.
* \`ephemeral\` and \`dataDirectory\` exclude each other. The flag \`--ephemeral\` wins over a directory in the file.
* The log retention is at least each stream's longest feature horizon plus its lateness.

## Variables of the other commands

| variable | what it does |
|---|---|
| \`TIDEMILL_URL\` | URL of the engine, as \`--url\` |
| \`TIDEMILL_KEY\` | API key, as \`--key\` |
| \`TIDEMILL_CONFIG\` | configuration file, as \`--config\` |
| \`NO_COLOR\` | switches colours off |
| \`UV_THREADPOOL_SIZE\` | threads for files and ClickHouse calls; \`tidemill\` sets 16 when it is absent |
`)
}

/**
 * docs/reference/tables.md
 * @param {Pick<typeof import('../src/sinks/data-dictionary.js'), 'dataDictionary'>} modules
 */
export function tablesReference({ dataDictionary }) {
  const tables = Object.entries(dataDictionary).map(
    ([name, { about, columns }]) =>
      `## ${name}\n\n${about}\n\n| column | meaning |\n|---|---|\n${Object.entries(columns)
        .map(([column, meaning]) => row([code(column), meaning]))
        .join('\n')}\n`,
  )
  return wrapped(`${generated}
# Tables and views

What ClickHouse holds, for \`tidemill sql\`, \`POST /api/v2/sql\` and dashboards. \`DESCRIBE TABLE <name>\` also shows \
the types. Times are in UTC.

${tables.join('\n')}`)
}

/**
 * What the help of a command needs.
 * @typedef {Pick<typeof import('../src/cli/help/examples.js'), 'examples'> & Pick<typeof
 *   import('../src/cli/terminal/options.js'), 'isSetting'>} HelpModules
 */

/**
 * docs/reference/cli.md
 * @param {Pick<typeof import('../src/cli/program.js'), 'buildProgram'> & Pick<typeof
 *   import('../src/cli/terminal/exit.js'), 'exits' | 'exitMeanings'> & HelpModules} modules
 */
export function cliReference({ buildProgram, exits, exitMeanings, ...help }) {
  const nowhere = new PassThrough()
  const program = buildProgram({
    in: nowhere,
    out: nowhere,
    err: nowhere,
    colour: false,
    interrupted: new AbortController().signal,
  })
  const codes = Object.entries(exits).map(
    ([name, value]) => `| ${value} | ${exitMeanings[/** @type {keyof typeof exits} */ (name)]} |`,
  )
  return wrapped(`${generated}
# Command line

Run \`npx tidemill <command>\` in a checkout, or in a project that has the package. Data goes to standard output, \
messages go to standard error; with \`--json\` a command prints JSON. Commands that talk to an engine find it through \
the lock file in \`./data\`, or take \`--url\` or \`TIDEMILL_URL\`. The API key comes from \`--key\`, \
\`TIDEMILL_KEY\` or the key file of the demo.

| exit code | meaning |
|---|---|
${codes.join('\n')}

${[...sections(program, '', help)].join('\n')}`)
}

/**
 * @param {Command} command
 * @param {string} prefix
 * @param {HelpModules} help
 * @returns {Generator<string>}
 */
function* sections(command, prefix, help) {
  const level = prefix === '' ? '##' : '###'
  for (const child of command.commands) {
    const name = `${prefix}${child.name()}`
    if (child.commands.length === 0) yield section(child, name, level, help)
    else {
      yield `## ${name}\n\n${aboutOf(child)}\n`
      yield* sections(child, `${name} `, help)
    }
  }
}

/** @param {Command} command */
const aboutOf = (command) =>
  command.description() || `${command.summary().charAt(0).toUpperCase()}${command.summary().slice(1)}.`

/**
 * @param {Command} command
 * @param {string} name
 * @param {string} level
 * @param {HelpModules} help
 */
function section(command, name, level, { examples, isSetting }) {
  const parts = command.registeredArguments
    .filter((argument) => argument.description !== '')
    .map((argument) => `* ${code(argument.name())}: ${argument.description}`)
  const options = command.options
    .filter((option) => !option.hidden && !isSetting(option))
    .map((option) => row([code(option.flags), optionText(option)]))
  const settings = command.options
    .filter((option) => !option.hidden && isSetting(option))
    .map(({ flags }) => code(flags))
  return [
    `${level} ${name}\n\n${aboutOf(command)}\n\n    tidemill ${name} ${command.usage()}\n`,
    ...(parts.length === 0 ? [] : [`${parts.join('\n')}\n`]),
    ...(options.length === 0 ? [] : [`| option | what it does |\n|---|---|\n${options.join('\n')}\n`]),
    ...(settings.length === 0
      ? []
      : [`Engine settings, see [Configuration](configuration.md): ${settings.join(', ')}.\n`]),
    ...(examples[name] === undefined ? [] : [`Example:\n\n    ${examples[name]}\n`]),
  ].join('\n')
}

/** @param {Option} option */
function optionText({ description, argChoices, mandatory, negate, defaultValue, defaultValueDescription }) {
  const fallback =
    defaultValue === undefined || negate
      ? ''
      : ` (default: ${defaultValueDescription ?? JSON.stringify(defaultValue).replaceAll('"', '')})`
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`
  return `${description}${choices}${mandatory ? ' **required**' : ''}${fallback}`
}

/**
 * docs/reference/metrics.md
 * @param {Pick<typeof import('../src/consumers/watch/observation.js'), 'observe'>
 *   & Pick<typeof import('../src/consumers/watch/dependencies.js'), 'watchDependencies'>
 *   & Pick<typeof import('../src/consumers/watch/early-expiry.js'), 'watchEarlyExpiry'>
 *   & Pick<typeof import('../src/consumers/watch/gauges.js'), 'registerGauges'>
 *   & Pick<typeof import('../src/consumers/models/model-faults.js'), 'followModelFaults'>
 *   & Pick<typeof import('../src/api/http/metrics.js'), 'apiMetrics'>
 *   & Pick<typeof import('../src/base/clock.js'), 'systemClock'>} modules
 */
export function metricsReference(modules) {
  const { observe, watchDependencies, watchEarlyExpiry, registerGauges, followModelFaults, apiMetrics, systemClock } =
    modules
  const registry = new Registry()
  observe([], registry, systemClock, () => '')
  watchDependencies(registry)
  watchEarlyExpiry([], undefined, registry, systemClock)
  followModelFaults({ registry, clock: systemClock, report: () => undefined })
  registerGauges(registry, {
    version: '',
    preset: '',
    roles: [],
    streams: [],
    lagRecords: () => 0,
    versionOf: () => '',
    directory: '.',
    stops: { stopped: () => [] },
    rebuilds: { onCatchUp: () => undefined, current: () => [] },
    warehouse: { lagRecords: () => 0, up: () => true },
  })
  apiMetrics(/** @type {any} */ ({ addHook: () => undefined }), registry, /** @type {any} */ ({}))
  const metrics = /** @type {{ name: string, help: string, type: string, labelNames: string[] }[]} */ (
    /** @type {unknown} */ (registry.getMetricsAsArray())
  )
  const kind = (/** @type {string} */ name) => registry.getSingleMetric(name)?.constructor.name.toLowerCase() ?? ''
  const rows = metrics
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, help, labelNames }) => row([code(name), kind(name), labelNames.map(code).join(', '), help]))
  return wrapped(`${generated}
# Metrics

Every process answers \`GET /metrics\` in the text format of Prometheus, without a key. The answer also has the \
metrics of the process and of Node.js that \`prom-client\` provides (\`process_cpu_seconds_total\`, \
\`process_resident_memory_bytes\`, \`nodejs_eventloop_lag_p99_seconds\` ...). A histogram has its \`_bucket\`, \
\`_sum\` and \`_count\`. Counters begin with the process and count its own work only: add them up over the processes. \
\`docker/\` has dashboards and alert rules for these metrics.

| metric | kind | labels | what it means |
|---|---|---|---|
${rows.join('\n')}
`)
}
