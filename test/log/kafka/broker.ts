import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { kafka } from '../../../scripts/services/kafka.js'
import { systemClock } from '../../../src/base/clock.js'
import { openKafkaLog } from '../../../src/log/kafka/log.js'
import type { KafkaLog, KafkaLogOptions } from '../../../src/log/kafka/log.js'

export interface TestBroker {
  /** `host:port`, as clients name it. */
  readonly address: string
  /** `host:port` of the listener with TLS and passwords; only for a broker with such a listener. */
  readonly secureAddress: string
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Suspends the process: connections are accepted by the system, but requests get no answer. */
  freeze(): void
  /** Starts it again with the same ports and data. */
  restart(): Promise<void>
  /** A log in the broker, closed after the test. */
  open(options?: Partial<KafkaLogOptions>): Promise<KafkaLog>
  /** Runs `work` with an admin client. */
  admin<T>(work: (admin: Admin) => Promise<T>): Promise<T>
  /** A name that no other test uses. */
  topic(): string
}

type Secure = NonNullable<Parameters<typeof kafka.start>[0]['secure']>

/**
 * A broker for the tests of a file. `secureIn`, if given, returns the settings of a listener with TLS. Where no broker
 * can run, the tests are skipped with the reason.
 */
export function kafkaForTests(secureIn?: (directory: string) => Secure): TestBroker {
  const missing = kafka.missing()
  let directory = ''
  let running: Awaited<ReturnType<typeof kafka.start>> | undefined
  let topics = 0
  let secure: Secure | undefined
  const start = (ports?: readonly number[]) =>
    kafka.start({ directory, ...(ports && { ports }), ...(secure && { secure }) })

  beforeAll(async () => {
    if (missing !== undefined) return void process.stderr.write(`\nTests with Kafka are skipped: ${missing}.\n`)
    directory = await mkdtemp(join(tmpdir(), 'tidemill-kafka-'))
    secure = secureIn?.(directory)
    running = await start()
  }, 400_000)
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing)
  })
  afterAll(async () => {
    await running?.stop('SIGKILL')
    if (directory !== '') await rm(directory, { recursive: true, force: true })
  })

  const broker: TestBroker = {
    get address() {
      return running!.variables['TIDEMILL_KAFKA_BROKERS']!
    },
    get secureAddress() {
      return `127.0.0.1:${running!.ports[2]!}`
    },
    async admin(work) {
      const client = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING }).admin()
      await client.connect()
      try {
        return await work(client)
      } finally {
        await client.disconnect()
      }
    },
    stop: (signal) => running!.stop(signal),
    freeze: () => void process.kill(running!.pid, 'SIGSTOP'),
    async restart() {
      running = await start(running!.ports)
    },
    async open(options = {}) {
      const log = await openKafkaLog({
        brokers: [broker.address],
        clientId: 'tidemill-test',
        clock: systemClock,
        heartbeatMs: 100,
        ...options,
      })
      onTestFinished(() => log.close())
      return log
    },
    topic: () => `topic-${topics++}`,
  }
  return broker
}
