/** The reference pages, made of what the code says of itself; the modules are handed in, built or from source. */
import { PassThrough } from 'node:stream'
import { Registry } from 'prom-client'

/** @import { Command } from 'commander' */

const generated = '<!-- Made by scripts/generate-reference.js from the code; a test compares them. -->'
/** @type {(text: string) => string} */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
/** @type {(text: string) => string} */
const code = (text) => `\`${text}\``

/**
 * docs/reference/configuration.md
 * @param {Pick<typeof import('../src/config/settings.js'), 'settings'> & Pick<typeof
 *   import('../src/config/describe.js'), 'allowed'>} modules
 */
export function configurationReference({ settings, allowed }) {
  const rows = settings.map(({ path, variable, flag, schema }) => {
    const fallback = schema.default === undefined ? '' : code(JSON.stringify(schema.default).replaceAll('"', ''))
    return (
      '| ' +
      `${[code(path), cell(schema.description ?? ''), allowed(schema), fallback, code(variable), flag === undefined ? '' : code(flag)].map(cell).join(' | ')} ` +
      '|'
    )
  })
  return `${generated}
# Configuration

Settings come from the flags of \`tidemill start\`, from variables of the environment and from a YAML file (\`--config\`, or \`TIDEMILL_CONFIG\`).
A flag wins over a variable, a variable over the file, the file over the default. They are read once, at start, and judged together:
every problem is reported at once, with its place and what is allowed, and the engine does not start (exit code 3). A setting or a
\`TIDEMILL_\` variable that does not exist is a problem too.

Lists are separated by commas in flags and variables. Paths are relative to the file they stand in, or to the working directory.
\`tidemill.example.yaml\` has all of this with comments.

| setting | what it does | allowed | default | variable | flag |
|---|---|---|---|---|---|
${rows.join('\n')}

## Relations

* \`scoring.commitIntervalMaxMs\` is at least \`scoring.commitIntervalMs\`.
* The demo needs its tenants (\`tenants: demo\` or \`any\`) and a built-in stream.
* At least one stream is left to score.
* \`ephemeral\` and \`dataDirectory\` are not given in the same place; the flag \`--ephemeral\` wins over a directory in the file.
* A log retention shorter than a stream's longest feature horizon plus its lateness is refused.

## Variables of the other commands

| variable | what it does |
|---|---|
| \`TIDEMILL_URL\` | the engine that commands talk to, as \`--url\` |
| \`TIDEMILL_KEY\` | the key they send, as \`--key\` |
| \`TIDEMILL_CONFIG\` | the configuration file, as \`--config\` |
| \`NO_COLOR\` | no colours |
| \`UV_THREADPOOL_SIZE\` | threads for files and ClickHouse calls; \`tidemill\` sets 16 where it is not set |
`
}

/**
 * docs/reference/cli.md
 * @param {Pick<typeof import('../src/cli/program.js'), 'buildProgram'> & Pick<typeof
 *   import('../src/cli/terminal/exit.js'), 'exits' | 'exitMeanings'>} modules
 */
export function cliReference({ buildProgram, exits, exitMeanings }) {
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
  return `${generated}
# Command line

\`npx tidemill <command>\` in a checkout or a project that has the package. Data goes to standard output, everything said to a person to
standard error; \`--json\` gives what the API answers. Commands that talk to an engine find the one running in \`./data\` by its lock file, or
take \`--url\` / \`TIDEMILL_URL\`; the key comes from \`--key\`, \`TIDEMILL_KEY\` or the demo's key file.

| exit code | means |
|---|---|
${codes.join('\n')}

${[...sections(program, '')].join('\n')}`
}

/**
 * @param {Command} command
 * @param {string} prefix
 * @returns {Generator<string>}
 */
function* sections(command, prefix) {
  for (const child of command.commands) {
    const name = `${prefix}${child.name()}`
    if (child.commands.length > 0) yield* sections(child, `${name} `)
    else yield section(child, name)
  }
}

/**
 * @param {Command} command
 * @param {string} name
 */
function section(command, name) {
  const usage = `tidemill ${name} ${command.usage()}`
  const options = command.options.map((option) => {
    const fallback =
      option.defaultValue === undefined || option.negate
        ? ''
        : ` (default: ${option.defaultValueDescription ?? JSON.stringify(option.defaultValue).replaceAll('"', '')})`
    return (
      `| ${code(option.flags)} | ` +
      `${cell(option.description)}${option.mandatory ? ' **required**' : ''}${fallback} |`
    )
  })
  const about = command.registeredArguments
    .filter((argument) => argument.description !== '')
    .map((argument) => `\n\`${argument.name()}\`: ${argument.description}.`)
  return `## ${name}

${command.description() || `${command.summary().charAt(0).toUpperCase()}${command.summary().slice(1)}.`}

    ${usage}
${about.join('')}
${options.length === 0 ? '' : `\n| option | what it does |\n|---|---|\n${options.join('\n')}\n`}`
}

/**
 * docs/reference/metrics.md
 * @param {Pick<typeof import('../src/consumers/watch/observation.js'), 'observe'> & Pick<typeof
 *   import('../src/consumers/watch/dependencies.js'), 'watchDependencies'>
 *   & Pick<typeof import('../src/consumers/watch/gauges.js'), 'registerGauges'> & Pick<typeof import('../src/api/http/metrics.js'), 'apiMetrics'>
 *   & Pick<typeof import('../src/base/clock.js'), 'systemClock'>} modules
 */
export function metricsReference({ observe, watchDependencies, registerGauges, apiMetrics, systemClock }) {
  const registry = new Registry()
  observe([], registry, systemClock, () => '')
  watchDependencies(registry)
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
    .map(
      ({ name, help, labelNames }) =>
        `| ${[code(name), kind(name), labelNames.map(code).join(', '), help].map(cell).join(' | ')} |`,
    )
  return `${generated}
# Metrics

Every process answers \`GET /metrics\` in the text format of Prometheus, without a key. Beside these there are the measures of the process
and of Node.js that \`prom-client\` brings (\`process_cpu_seconds_total\`, \`process_resident_memory_bytes\`, \`nodejs_eventloop_lag_p99_seconds\` ...).
A histogram has its \`_bucket\`, \`_sum\` and \`_count\`. Counters start with the process and count its own work: add them up over processes.
Dashboards and alert rules over them are in \`docker/\`.

| metric | kind | labels | what it says |
|---|---|---|---|
${rows.join('\n')}
`
}
