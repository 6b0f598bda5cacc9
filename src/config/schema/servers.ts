import { Type } from '@sinclair/typebox'
import { closed, hostAndPort, text, toggle, whole } from './kinds.js'

const userOf = (server: string, extra: { readonly default?: string } = {}) =>
  text({ ...extra, description: `The user name that the engine presents to ${server}.` })

const passwordOf = (user: string) =>
  Type.Optional(
    text({ secret: true, description: `The password of ${user}. Prefer the environment variable to the file.` }),
  )

const authoritiesOf = (server: string, certificate = 'certificate') =>
  Type.Optional(
    text({
      path: true,
      description: `PEM file of the authorities that signed ${server} ${certificate}. Default: the system's.`,
    }),
  )

export const schemaRegistrySettings = Type.Object(
  {
    url: Type.Optional(
      text({
        flag: '--registry <url>',
        description:
          'A Confluent-compatible schema registry, with the path of its protocol (Apicurio: `/apis/ccompat/v7`). ' +
          'The engine reads records in its wire format with its schemas. Without a registry such records become ' +
          'dead letters, and schemas come from files alone.',
      }),
    ),
    username: Type.Optional(userOf('the schema registry')),
    password: passwordOf('`schemaRegistry.username`'),
    token: Type.Optional(
      text({
        secret: true,
        description: 'The bearer token that the engine sends to the schema registry, instead of name and password.',
      }),
    ),
    caFile: authoritiesOf("the schema registry's"),
  },
  closed,
)

export const kafkaSettings = Type.Object(
  {
    brokers: Type.Array(hostAndPort, {
      default: [],
      flag: '--kafka <brokers>',
      description:
        'Some brokers, `host:port`; the engine finds the others through them. The `cluster` preset needs this.',
    }),
    clientId: text({ default: 'tidemill', description: "The engine's name in the brokers' logs and quotas." }),
    replicationFactor: Type.Optional(
      whole(1, 15, {
        description: "Replication factor of the topics that the engine creates. Default: the cluster's own.",
      }),
    ),
    tls: toggle({ default: false, description: 'Uses TLS to the Kafka brokers.' }),
    caFile: authoritiesOf("the brokers'", 'certificates'),
    certFile: Type.Optional(
      text({ path: true, description: 'PEM file of the client certificate that the engine presents to the brokers.' }),
    ),
    keyFile: Type.Optional(text({ path: true, description: 'PEM file of the key of `kafka.certFile`.' })),
    saslMechanism: Type.Optional(
      Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
        description: 'How the engine logs in to the brokers; needs `kafka.username` and `kafka.password`.',
      }),
    ),
    username: Type.Optional(userOf('the brokers')),
    password: passwordOf('`kafka.username`'),
  },
  closed,
)

export const redisSettings = Type.Object(
  {
    nodes: Type.Array(hostAndPort, {
      default: [],
      flag: '--redis <nodes>',
      description:
        'One server, `host:port`, or some nodes of a cluster: the engine finds the others through them. The ' +
        '`cluster` preset needs this.',
    }),
    cluster: Type.Optional(
      toggle({
        description: 'Whether the nodes form a Redis Cluster. Default: what the first node that answers reports.',
      }),
    ),
    keyPrefix: text({
      default: 'tidemill:',
      description: 'The prefix of every key; with different prefixes several engines can share a server.',
    }),
    tls: toggle({ default: false, description: 'Uses TLS to the Redis nodes.' }),
    caFile: authoritiesOf("Redis'"),
    username: Type.Optional(userOf('Redis, where Redis has users')),
    password: passwordOf('`redis.username`, or of Redis itself'),
  },
  closed,
)

export const clickhouseSettings = Type.Object(
  {
    url: Type.Optional(
      text({
        flag: '--clickhouse <url>',
        description: 'The HTTP interface of a ClickHouse server: `http://host:8123`. The `cluster` preset needs this.',
      }),
    ),
    database: text({
      default: 'tidemill',
      description: 'The database of the tables. The engine creates it where it is missing and the user may do so.',
    }),
    username: userOf('ClickHouse', { default: 'default' }),
    password: passwordOf('`clickhouse.username`'),
    caFile: authoritiesOf("ClickHouse's"),
  },
  closed,
)
