import { Type } from '@sinclair/typebox'
import { closed, number, tenantId, text, toggle, whole } from './kinds.js'

/** What a process can do. */
export const roles = ['scoring', 'warehouse', 'api'] as const
export type Role = (typeof roles)[number]

/** What runs in a process, and where it keeps its data. */
export const processSettings = {
  preset: Type.Union([Type.Literal('embedded'), Type.Literal('cluster')], {
    default: 'embedded',
    flag: '--preset <name>',
    description:
      'Where the engine keeps its data. `embedded`: its own log, LMDB and chDB, in one process. `cluster`: Kafka, ' +
      'Redis and a ClickHouse server, shared by any number of processes.',
  }),
  roles: Type.Array(Type.Union(roles.map((role) => Type.Literal(role))), {
    default: [...roles],
    minItems: 1,
    uniqueItems: true,
    flag: '--role <names>',
    description:
      'What this process does: `scoring`, `warehouse` (fills ClickHouse) and `api`, in any combination. Processes ' +
      'with the same role share the partitions. Only the `cluster` preset allows fewer than all. Every process ' +
      'serves `/metrics`, `/livez` and `/readyz`.',
  }),
  workers: whole(1, 256, {
    default: 1,
    flag: '--workers <number>',
    description:
      'Number of processes that score on this machine, this one included; at most one per core. More than 1 needs ' +
      'the `cluster` preset.',
  }),
  dataDirectory: text({
    default: './data',
    path: true,
    flag: '--data <directory>',
    description: 'The directory of log, state, warehouse and keys. Only one engine at a time can use it.',
  }),
  ephemeral: toggle({
    default: false,
    flag: '--ephemeral',
    description: 'Keeps all data in a temporary directory and removes it on stop.',
  }),
}

export const apiSettings = Type.Object(
  {
    host: text({ default: '127.0.0.1', flag: '--host <address>', description: 'The address the API listens on.' }),
    port: whole(0, 65_535, {
      default: 8787,
      flag: '--port <number>',
      description:
        'The port of the API; 0 takes a free one. Where the setting is absent and 8787 is taken, the engine takes a ' +
        'free port. Where it is set, the port must be free.',
    }),
  },
  closed,
)

export const tenantSettings = Type.Optional(
  Type.Union([Type.Literal('any'), Type.Literal('demo'), Type.Array(Type.Object({ id: tenantId }, closed))], {
    flag: '--tenants <ids>',
    flagDescription:
      "The tenants whose events the engine scores, separated by commas; or `demo` (the simulator's tenants) or `any`.",
    description:
      'The tenants whose events the engine scores. Events of other tenants become dead letters. A list of `{id}`, ' +
      "`demo` (the simulator's tenants) or `any`. At a start, the engine adds and removes the tenants by which the " +
      'setting differs from the last one. `tidemill tenants` adds and removes tenants without a restart. Default: ' +
      '`demo` when the demo runs; else the setting changes nothing.',
  }),
)

export const streamSettings = Type.Object(
  {
    builtin: Type.Union([Type.Literal('all'), Type.Array(Type.String({ minLength: 1 }))], {
      default: 'all',
      flag: '--builtin-streams <names>',
      description: 'The built-in streams that run: `all`, or a list of names (an empty list for none).',
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
        'Formats that producers may write: `avro` (with either header) or `json` for all topics; `<stream>=avro`, ' +
        '`<stream>=json` or `<stream>=any` for the topic of one stream. A record in another format becomes a dead ' +
        'letter. Default: any.',
    }),
  },
  closed,
)

export const modelSettings = Type.Object(
  {
    directory: Type.Optional(
      text({
        path: true,
        flag: '--models <directory>',
        description: "The directory of the model families. Default: the package's own demo models.",
      }),
    ),
    serve: Type.Optional(
      Type.Array(Type.String({ pattern: '^[^/.][^/]*/[^/.][^/]*$' }), {
        uniqueItems: true,
        flag: '--serve <models>',
        description:
          'The models that serve from the start, `family/version`; one of each family. A person may decide otherwise ' +
          'in the control topic. A model does not serve because it is in the directory. Default: the demo models of ' +
          'the package, and none of another directory.',
      }),
    ),
  },
  closed,
)

export const demoSettings = Type.Object(
  {
    enabled: Type.Optional(
      toggle({
        flag: '--no-demo',
        flagDescription: 'Starts without the demo: no simulator runs in the engine.',
        description:
          'Runs the simulator in the engine, so that there are events to score. Default: true with the `embedded` ' +
          'preset, unless `tenants` is a list.',
      }),
    ),
    rate: number(0.1, 100_000, {
      default: 200,
      flag: '--rate <events/s>',
      description:
        'Events per second that the demo sends, over all streams, for as long as it runs. 200 take about 0.7 GB of ' +
        'disk an hour.',
    }),
  },
  closed,
)
