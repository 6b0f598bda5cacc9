import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { limits } from '../base/limits.js'

/** What a setting is besides its type: the flag of `tidemill start` that sets it, and whether it names a path. */
interface Extra {
  readonly description: string
  readonly flag?: string
  readonly path?: true
  /** Never shown, not even where it is wrong. */
  readonly secret?: true
}

const text = (extra: Extra & { default?: string; pattern?: string; minLength?: number }) =>
  Type.String({ minLength: 1, ...extra })
const whole = (minimum: number, maximum: number, extra: Extra & { default?: number }) =>
  Type.Integer({ minimum, maximum, ...extra })
const toggle = (extra: Extra & { default?: boolean }) => Type.Boolean(extra)
const closed = { additionalProperties: false } as const

/** What a process can do. */
export const roles = ['scoring', 'warehouse', 'api'] as const
export type Role = (typeof roles)[number]

const hostAndPort = Type.String({ pattern: '^.+:\\d{1,5}$' })

/** No control characters: they separate the parts of state keys. */
const tenantId = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,128}$' })

/**
 * Every setting, once: the file's schema, the defaults, the flags, the environment's names and the reference all follow
 * from it.
 */
export const settingsSchema = Type.Object(
  {
    preset: Type.Union([Type.Literal('embedded'), Type.Literal('cluster')], {
      default: 'embedded',
      flag: '--preset <name>',
      description:
        'Which adapters carry the engine. `embedded`: our own log, LMDB and chDB, in one process. `cluster`: ' +
        'Kafka, Redis and a ClickHouse server, shared by as many processes as you like.',
    }),
    roles: Type.Array(Type.Union(roles.map((role) => Type.Literal(role))), {
      default: [...roles],
      minItems: 1,
      uniqueItems: true,
      flag: '--role <names>',
      description:
        'What this process does: `scoring`, `warehouse` (fills ClickHouse) and `api`, in any combination. ' +
        'Processes with the same role share the partitions. Only with the `cluster` preset; every process ' +
        'serves `/metrics`, `/livez` and `/readyz`.',
    }),
    workers: whole(1, 256, {
      default: 1,
      flag: '--workers <number>',
      description:
        'Processes that score on this machine, one for each core that it may use; this one counts. Only with ' +
        'the `cluster` preset.',
    }),
    dataDirectory: text({
      default: './data',
      path: true,
      flag: '--data <directory>',
      description: 'Where log, state, warehouse and keys are kept. One engine at a time.',
    }),
    ephemeral: toggle({
      default: false,
      flag: '--ephemeral',
      description: 'Keeps everything in a temporary directory that is removed on stop.',
    }),
    api: Type.Object(
      {
        host: text({ default: '127.0.0.1', flag: '--host <address>', description: 'The address the API listens on.' }),
        port: whole(0, 65_535, {
          default: 8787,
          flag: '--port <number>',
          description:
            'The port of the API; 0 takes a free one. Where it is not set and 8787 is taken, a free one is ' +
            'used; a port that was set must be free.',
        }),
      },
      closed,
    ),
    tenants: Type.Optional(
      Type.Union([Type.Literal('any'), Type.Literal('demo'), Type.Array(Type.Object({ id: tenantId }, closed))], {
        flag: '--tenants <ids>',
        description:
          'Whose events are scored; those of other tenants become dead letters. A list of `{id}`, `demo` ' +
          "(the simulator's tenants) or `any`. Default: `demo` with the demo, else nobody.",
      }),
    ),
    streams: Type.Object(
      {
        builtin: Type.Union([Type.Literal('all'), Type.Array(Type.String({ minLength: 1 }))], {
          default: 'all',
          flag: '--builtin-streams <names>',
          description:
            'Which of the streams that come with Tidemill run: `all` or a list of names (an empty list for none).',
        }),
        paths: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          path: true,
          flag: '--streams <paths>',
          description: 'Your own streams: files, or directories of files.',
        }),
        accept: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description:
            'Formats that producers may write: `avro` (with either header) or `json` for all topics, ' +
            '`<stream>=avro`, `<stream>=json` or `<stream>=any` for that of one stream. A record in another ' +
            'format becomes a dead letter. Default: any.',
        }),
      },
      closed,
    ),
    schemaRegistry: Type.Object(
      {
        url: Type.Optional(
          text({
            flag: '--registry <url>',
            description:
              'A Confluent-compatible schema registry, with the path of its protocol (Apicurio: ' +
              '`/apis/ccompat/v7`). Records in its wire format are read with the schemas that it knows. ' +
              'Without one they become dead letters, and schemas come from files alone.',
          }),
        ),
        username: Type.Optional(text({ description: 'Who the engine is to the schema registry.' })),
        password: Type.Optional(
          text({
            secret: true,
            description:
              'The password of `schemaRegistry.username`. Rather a variable of the environment than a line of a file.',
          }),
        ),
        token: Type.Optional(
          text({
            secret: true,
            description: 'Sent to the schema registry as a bearer token, instead of name and password.',
          }),
        ),
        caFile: Type.Optional(
          text({
            path: true,
            description:
              "PEM of the authorities that may have signed the schema registry's certificate. Default: the system's.",
          }),
        ),
      },
      closed,
    ),
    kafka: Type.Object(
      {
        brokers: Type.Array(hostAndPort, {
          default: [],
          flag: '--kafka <brokers>',
          description: 'Some brokers, `host:port`; the others are found through them. Needed by the `cluster` preset.',
        }),
        clientId: text({ default: 'tidemill', description: "What the brokers' logs and quotas call this engine." }),
        replicationFactor: Type.Optional(
          whole(1, 15, { description: "Copies of the topics that the engine creates. Default: the cluster's own." }),
        ),
        tls: toggle({ default: false, description: 'Speaks TLS to the Kafka brokers.' }),
        caFile: Type.Optional(
          text({
            path: true,
            description:
              "PEM of the authorities that may have signed the brokers' certificates. Default: the system's.",
          }),
        ),
        certFile: Type.Optional(
          text({ path: true, description: 'PEM of a certificate that says who the engine is to the brokers.' }),
        ),
        keyFile: Type.Optional(text({ path: true, description: 'PEM of the key of `kafka.certFile`.' })),
        saslMechanism: Type.Optional(
          Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
            description: 'How the engine says who it is to the brokers; with `kafka.username` and `kafka.password`.',
          }),
        ),
        username: Type.Optional(text({ description: 'Who the engine is to the brokers.' })),
        password: Type.Optional(
          text({
            secret: true,
            description:
              'The password of `kafka.username`. Rather a variable of the environment than a line of a file.',
          }),
        ),
      },
      closed,
    ),
    redis: Type.Object(
      {
        nodes: Type.Array(hostAndPort, {
          default: [],
          flag: '--redis <nodes>',
          description:
            'One server, `host:port`, or some nodes of a cluster: the others are found through them. Needed ' +
            'by the `cluster` preset.',
        }),
        cluster: Type.Optional(
          toggle({
            description: 'Whether the nodes are a Redis Cluster. Default: the first node that answers is asked.',
          }),
        ),
        keyPrefix: text({
          default: 'tidemill:',
          description: 'What every key begins with; several engines can share a server.',
        }),
        tls: toggle({ default: false, description: 'Speaks TLS to the Redis nodes.' }),
        caFile: Type.Optional(
          text({
            path: true,
            description: "PEM of the authorities that may have signed Redis' certificate. Default: the system's.",
          }),
        ),
        username: Type.Optional(text({ description: 'Who the engine is to Redis, where it has users.' })),
        password: Type.Optional(
          text({
            secret: true,
            description: 'The password for Redis. Rather a variable of the environment than a line of a file.',
          }),
        ),
      },
      closed,
    ),
    clickhouse: Type.Object(
      {
        url: Type.Optional(
          text({
            flag: '--clickhouse <url>',
            description:
              'The HTTP interface of a ClickHouse server: `http://host:8123`. Needed by the `cluster` preset.',
          }),
        ),
        database: text({
          default: 'tidemill',
          description: 'Where the tables are; created where it is missing and the user may.',
        }),
        username: text({ default: 'default', description: 'Who the engine is to ClickHouse.' }),
        password: Type.Optional(
          text({
            secret: true,
            description:
              'The password of `clickhouse.username`. Rather a variable of the environment than a line of a file.',
          }),
        ),
        caFile: Type.Optional(
          text({
            path: true,
            description: "PEM of the authorities that may have signed ClickHouse's certificate. Default: the system's.",
          }),
        ),
      },
      closed,
    ),
    models: Type.Object(
      {
        directory: Type.Optional(
          text({
            path: true,
            flag: '--models <directory>',
            description: "Where model families lie. Default: the package's own demo models.",
          }),
        ),
      },
      closed,
    ),
    warehouse: Type.Object(
      {
        rawEvents: toggle({
          default: true,
          flag: '--no-raw-events',
          description: 'Keeps the raw events in ClickHouse too, for training and audit.',
        }),
        retentionDays: whole(1, 3_650, {
          default: 90,
          description: 'How long predictions, outcomes and raw events are kept in ClickHouse.',
        }),
      },
      closed,
    ),
    scoring: Type.Object(
      {
        chunkRecords: whole(1, 20_000, {
          default: limits.chunkRecords,
          description: 'Events scored together, at most.',
        }),
        commitIntervalMs: whole(0, 60_000, {
          default: limits.commitIntervalMs,
          flag: '--commit-interval <ms>',
          description: 'State is committed no more often than this; a crash folds at most this much again.',
        }),
        commitIntervalMaxMs: whole(0, 60_000, {
          default: limits.commitIntervalMaxMs,
          description:
            'Under load commits are spaced out until they cost a tenth of the time, but never further apart than this.',
        }),
        cachedEntities: whole(100, 10_000_000, {
          default: limits.cachedEntities,
          description: 'Entities of one partition kept decoded in memory, about 1 KiB each.',
        }),
        seenIds: whole(0, 10_000_000, {
          default: limits.seenIds,
          description:
            'Event ids remembered per partition, about 16 bytes each: an event whose id came among the last ' +
            'so many from the same tenant is a duplicate and scored once. 0 remembers none.',
        }),
        badShare: Type.Number({
          minimum: 0,
          maximum: 1,
          default: limits.badShare,
          description:
            'When more than this share of the last `scoring.badShareRecords` records of a partition is bad, ' +
            'the partition stops (BAD_SHARE) until an operator accepts it: a broken schema must not drain a ' +
            'topic into the dead letters. 1 never stops.',
        }),
        badShareRecords: whole(10, 100_000, {
          default: limits.badShareRecords,
          description:
            'How many records of a partition `scoring.badShare` looks at. Before there are so many, those ' +
            'that are not there yet count as good.',
        }),
      },
      closed,
    ),
    log: Type.Object(
      {
        retentionDays: Type.Optional(
          whole(1, 3_650, {
            description:
              "How long every stream's events and predictions stay in the log. Default: each stream's own. " +
              "Shorter than a stream's longest feature horizon plus lateness is refused at start.",
          }),
        ),
      },
      closed,
    ),
    demo: Type.Object(
      {
        enabled: Type.Optional(
          toggle({
            flag: '--no-demo',
            description:
              'Runs the simulator in the engine, so that there is something to see. Default: on with the ' +
              '`embedded` preset, unless tenants are listed.',
          }),
        ),
        rate: Type.Number({
          minimum: 0.1,
          maximum: 100_000,
          default: 200,
          flag: '--rate <events/s>',
          description: 'Events per second that the demo makes, over all streams.',
        }),
      },
      closed,
    ),
  },
  closed,
)

export type Settings = Static<typeof settingsSchema>

/** One value that can be set: `api.port`, as TIDEMILL_API_PORT, with --port. */
export interface Setting {
  readonly path: string
  readonly variable: string
  readonly flag: string | undefined
  readonly schema: TSchema
  readonly isPath: boolean
}

/** `warehouse.rawEvents` is TIDEMILL_WAREHOUSE_RAW_EVENTS. */
const variableOf = (path: string): string =>
  `TIDEMILL_${path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`

function* leaves(schema: TSchema, path: string): Generator<Setting> {
  if (schema['type'] === 'object') {
    const properties = schema['properties'] as Record<string, TSchema>
    for (const [name, inner] of Object.entries(properties)) yield* leaves(inner, path === '' ? name : `${path}.${name}`)
  } else {
    yield {
      path,
      variable: variableOf(path),
      flag: schema['flag'] as string | undefined,
      schema,
      isPath: schema['path'] === true,
    }
  }
}

export const settings: readonly Setting[] = [...leaves(settingsSchema, '')]
