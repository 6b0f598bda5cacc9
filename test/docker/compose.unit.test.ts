import { strict as assert } from 'node:assert'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'vitest'
import { nodeVersions } from '../../scripts/services/node.js'
import { prometheus } from '../../scripts/services/prometheus.js'
import { loadConfig, packagePath } from '../../src/config/load.js'
import { roles } from '../../src/config/settings.js'
import { alertRules, dockerPath, yamlOf } from './files.js'

interface Container {
  readonly image: string
  readonly mem_limit?: string
  readonly read_only?: boolean
  readonly profiles?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: object
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

const { services, volumes } = yamlOf<{
  services: Readonly<Record<string, Container>>
  volumes: Readonly<Record<string, unknown>>
}>('compose.yaml')
const all = Object.entries(services)
const engines = all.filter(([, { image }]) => image.startsWith('tidemill:'))
const defaults = new Map(
  readFileSync(dockerPath('.env'), 'utf8')
    .split('\n')
    .flatMap((line) => (/^[A-Z_]+=/.test(line) ? [line.split('=', 2) as [string, string]] : [])),
)

/** As compose fills variables in, nothing being set in the shell. */
const filled = (text: string): string =>
  text.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, otherwise: string) => defaults.get(name) ?? otherwise)
const variablesOf = ({ environment = {} }: Container): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filled(String(value))]))
const ofImage = Object.fromEntries(
  [...readFileSync(dockerPath('Dockerfile'), 'utf8').matchAll(/(TIDEMILL_\w+)=(\S+)/g)].map(([, name, value]) => [
    name!,
    value!,
  ]),
)

test('every engine has settings that exist and that it can start with', () => {
  assert.equal(engines.length, 4)
  for (const [name, service] of engines) {
    const config = loadConfig({ variables: { ...ofImage, ...variablesOf(service) } })
    assert.equal(config.preset, 'cluster', name)
    assert.deepEqual(config.kafka.brokers, ['kafka:19092'], name)
    assert.ok(service.read_only, name)
  }
  assert.deepEqual(ofImage, {
    TIDEMILL_DATA_DIRECTORY: '/data',
    TIDEMILL_API_HOST: '0.0.0.0',
    TIDEMILL_API_PORT: '8787',
  })
})

test('the engines of each profile together have every role', () => {
  for (const profile of ['together', 'apart']) {
    const some = engines.filter(([, { profiles }]) => profiles?.includes(profile))
    assert.deepEqual(
      some.flatMap(([, service]) => loadConfig({ variables: variablesOf(service) }).roles).sort(),
      [...roles].sort(),
      profile,
    )
  }
  assert.equal(defaults.get('COMPOSE_PROFILES'), 'together')
})

test('every image has a version; every server has limits, a check and ports of this machine only', () => {
  for (const [name, { image, mem_limit, healthcheck, ports = [] }] of all) {
    assert.match(image, /^[a-z/-]+:v?\d+\.\d+[\w.-]*$/, name)
    assert.ok(mem_limit !== undefined && healthcheck !== undefined, name)
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name)
  }
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }
  for (const [name, { image }] of engines) assert.equal(image, `tidemill:${version}`, name)
  assert.equal(
    /^ARG NODE_IMAGE=(.*)$/m.exec(readFileSync(dockerPath('Dockerfile'), 'utf8'))?.[1],
    `node:${nodeVersions.at(-1)!}-bookworm-slim`,
  )
})

test('services wait for health checks, and every mounted file exists', () => {
  for (const [name, { depends_on: needs = {}, volumes: mounts = [] }] of all) {
    for (const [other, { condition }] of Object.entries(needs))
      assert.ok(
        condition === 'service_healthy' && services[other]?.healthcheck !== undefined,
        `${name} waits for ${other}`,
      )
    for (const [from = ''] of mounts.map((mount) => mount.split(':')))
      assert.ok(from.startsWith('./') ? existsSync(dockerPath(from)) : from in volumes, `${name} mounts ${from}`)
  }
})

test('the build context contains every file that the image copies', () => {
  const lets = new Set(
    readFileSync(packagePath('.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1)),
  )
  const copied = [...readFileSync(dockerPath('Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, paths]) => paths!.split(' '),
  )
  for (const path of copied)
    assert.ok(
      [...lets].some((one) => path === one || path.startsWith(`${one}/`)) && existsSync(packagePath(path)),
      path,
    )
})

test('Prometheus scrapes every engine', () => {
  const { scrape_configs } = yamlOf<{
    scrape_configs: readonly {
      job_name: string
      dns_sd_configs: readonly { names: readonly string[]; port: number }[]
    }[]
  }>('prometheus/prometheus.yml')
  assert.deepEqual(
    scrape_configs
      .flatMap(({ dns_sd_configs }) => dns_sd_configs.flatMap(({ names, port }) => (port === 8787 ? names : [])))
      .sort(),
    engines.map(([name]) => name).sort(),
  )
})

test('every alert describes what happened and what to do', () => {
  for (const { alert, labels, annotations } of alertRules)
    assert.ok(['page', 'ticket'].includes(labels.severity ?? '') && annotations.summary && annotations.action, alert)
})

test('promtool accepts the configuration, and every alert fires in its case', (context) => {
  const missing = prometheus.missing()
  if (missing !== undefined) {
    process.stderr.write(`\nThe rules of Prometheus are NOT checked: ${missing}.\n`)
    return context.skip(missing)
  }
  execFileSync('promtool', ['check', 'config', dockerPath('prometheus/prometheus.yml')])
  const cases = packagePath('test/docker/alert-cases.yml')
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', cases], { encoding: 'utf8' })
  assert.equal(status, 0, `${stdout}${stderr}`)
  const fired = [...readFileSync(cases, 'utf8').matchAll(/alertname: (\w+)\n\s+exp_alerts:\n\s+- exp_labels/g)].map(
    ([, name]) => name,
  )
  assert.deepEqual(fired.sort(), alertRules.map(({ alert }) => alert).sort())
})
