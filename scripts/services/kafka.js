// A Kafka broker for tests and benches: one node in KRaft mode, straight from the jars that Apache publishes on Maven
// Central.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chosen, startKafkaContainer } from './containers.js'
import { freePort, startProcess, which } from './start-process.js'

const run = promisify(execFile)

const version = '4.3.1'
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tidemill', `kafka-${version}`)
const ready = () => existsSync(join(cache, `kafka_2.13-${version}.jar`))

/** Any valid id: a test's broker is alone in its cluster. */
const clusterId = 'VGlkZW1pbGxUZXN0S2Fma2E'

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemill.services</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version>
    </dependency>
  </dependencies>
</project>`

/** Fetches the jars once per machine. Test files that ask at the same time each fetch; the first to be done wins. */
async function fetchJars() {
  if (ready()) return
  await mkdir(join(cache, '..'), { recursive: true })
  const work = await mkdtemp(`${cache}-`)
  try {
    await writeFile(join(work, 'pom.xml'), pom)
    await run(
      'mvn',
      ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(work, 'jars')}`],
      { cwd: work },
    )
    await rename(join(work, 'jars'), cache).catch((error) => {
      if (!ready()) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * Who may come in through the listener that speaks TLS and asks for a password.
 * @typedef {object} Secure
 * @property {string} certificate PEM file: the key, then the certificate.
 * @property {string} username
 * @property {string} password By PLAIN and both kinds of SCRAM.
 */

const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule'

/** @param {Secure & { port: number }} secure */
const secureProperties = ({ certificate, username, password }) => `
ssl.keystore.type=PEM
ssl.keystore.location=${certificate}
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=${plainLogin} required user_${username}="${password}";
listener.name.secure.scram-sha-256.sasl.jaas.config=${scramLogin} required;
listener.name.secure.scram-sha-512.sasl.jaas.config=${scramLogin} required;
`

/**
 * What a broker of tests does as no other: alone, it keeps one copy of everything, and deletes what is old within a
 * second.
 */
const common = {
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '2',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'default.replication.factor': '1',
  'min.insync.replicas': '1',
  'log.retention.check.interval.ms': '500',
  'log.initial.task.delay.ms': '500',
  'log.cleaner.dedupe.buffer.size': '2097152',
  'log.segment.delete.delay.ms': '500',
  'message.max.bytes': '10485760',
  'replica.fetch.max.bytes': '10485760',
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
}

/** @param {{ broker: number, controller: number, secure: { port: number } | undefined }} place */
const listeners = ({ broker, controller, secure }) =>
  [
    `PLAINTEXT://127.0.0.1:${broker}`,
    `CONTROLLER://127.0.0.1:${controller}`,
    ...(secure === undefined ? [] : [`SECURE://127.0.0.1:${secure.port}`]),
  ].join(',')

/** @param {{ directory: string, broker: number, controller: number, secure?: Secure & { port: number } }} place */
const properties = ({ directory, broker, controller, secure }) => `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controller}
listeners=${listeners({ broker, controller, secure })}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=${join(directory, 'data')}
${Object.entries(common)
  .map((setting) => setting.join('='))
  .join('\n')}
${secure === undefined ? '' : secureProperties(secure)}`

const started = 'Kafka Server started'

/** What goes to `kafka.log`: warnings, and the line that tells that the broker serves. */
const logging = `<Configuration>
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %m (%c{1})%n"/></Console></Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>`

/** The users are part of the cluster's first records. @param {Secure} [secure] */
const scramUsers = (secure) =>
  secure === undefined
    ? []
    : ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${secure.username},password=${secure.password}]`,
      ])

export const kafka = {
  name: 'kafka',
  /** @returns {string | undefined} */
  missing() {
    // With containers a machine lacks nothing that the container engine does not name itself.
    if (chosen === 'testcontainers') return undefined
    if (which('java') === undefined) return 'Java 17 or newer is missing (apt-get install openjdk-17-jre-headless)'
    if (!ready() && which('mvn') === undefined)
      return 'Maven, which fetches the jars of Kafka once, is missing (apt-get install maven)'
    return undefined
  },

  /**
   * With `secure` there is a second listener, at the third port.
   * @param {{ directory: string, ports?: readonly number[], secure?: Secure }} options
   * @returns {Promise<import('./start-process.js').Running & { ports: readonly number[] }>}
   */
  async start({ directory, ports, secure }) {
    // The files of a secure one are this machine's, so it is a process of this machine.
    if (chosen === 'testcontainers' && secure === undefined) {
      const port = ports?.[0] ?? (await freePort())
      const broker = await startKafkaContainer({ directory: join(directory, 'data'), port, settings: common })
      return { ...broker, ports: [port], variables: { TIDEMILL_KAFKA_BROKERS: `127.0.0.1:${port}` } }
    }
    await fetchJars()
    await mkdir(directory, { recursive: true })
    const [broker, controller, tls] = [
      ports?.[0] ?? (await freePort()),
      ports?.[1] ?? (await freePort()),
      ports?.[2] ?? (await freePort()),
    ]
    const settings = join(directory, 'server.properties')
    await writeFile(
      settings,
      properties({ directory, broker, controller, ...(secure && { secure: { ...secure, port: tls } }) }),
    )
    await writeFile(join(directory, 'log4j2.xml'), logging)
    const java = [`-Dlog4j2.configurationFile=${join(directory, 'log4j2.xml')}`, '-cp', join(cache, '*')]
    if (!existsSync(join(directory, 'data', 'meta.properties')))
      await run('java', [
        '-XX:TieredStopAtLevel=1',
        '-XX:+UseSerialGC',
        ...java,
        'kafka.tools.StorageTool',
        'format',
        '--standalone',
        '-t',
        clusterId,
        '-c',
        settings,
        ...scramUsers(secure),
      ])
    const output = () => readFile(join(directory, 'kafka.log'), 'utf8').catch(() => '')
    const before = (await output()).length
    const { pid, stop } = await startProcess({
      name: 'kafka',
      command: 'java',
      args: ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', ...java, 'kafka.Kafka', settings],
      directory,
      ready: async () => (await output()).includes(started, before),
      // Alone it takes 4 s.
      patienceMs: 180_000,
    })
    return { pid, stop, ports: [broker, controller, tls], variables: { TIDEMILL_KAFKA_BROKERS: `127.0.0.1:${broker}` } }
  },
}
