import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { limits } from './limits.js'

/** What a setting is besides its type: the flag of `tidemill start` that sets it, and whether it names a path. */
interface Extra {
  readonly description: string
  readonly flag?: string
  readonly path?: true
  /** Never shown, not even where it is wrong. */
  readonly secret?: true
}

const text = (extra: Extra & { default?: string; pattern?: string; minLength?: number }) => Type.String({ minLength: 1, ...extra })
const whole = (minimum: number, maximum: number, extra: Extra & { default?: number }) => Type.Integer({ minimum, maximum, ...extra })
const toggle = (extra: Extra & { default?: boolean }) => Type.Boolean(extra)
const closed = { additionalProperties: false } as const

/** No control characters: they separate the parts of state keys. */
const tenantId = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,128}$' })

/** Every setting, once: the file's schema, the defaults, the flags, the environment's names and the reference all follow from it. */
export const settingsSchema = Type.Object(
  {
    preset: Type.Literal('embedded', { default: 'embedded', description: 'Which adapters carry the engine. `embedded`: our own log, LMDB and chDB, in one process.' }),
    dataDirectory: text({ default: './data', path: true, flag: '--data <directory>', description: 'Where log, state, warehouse and keys are kept. One engine at a time.' }),
    ephemeral: toggle({ default: false, flag: '--ephemeral', description: 'Keeps everything in a temporary directory that is removed on stop.' }),
    api: Type.Object(
      {
        host: text({ default: '127.0.0.1', flag: '--host <address>', description: 'The address the API listens on.' }),
        port: whole(0, 65_535, { default: 8787, flag: '--port <number>', description: 'The port of the API; 0 takes a free one. Where it is not set and 8787 is taken, a free one is used; a port that was set must be free.' }),
      },
      closed,
    ),
    tenants: Type.Optional(
      Type.Union([Type.Literal('any'), Type.Literal('demo'), Type.Array(Type.Object({ id: tenantId }, closed))], {
        flag: '--tenants <ids>',
        description: "Whose events are scored; those of other tenants become dead letters. A list of `{id}`, `demo` (the simulator's tenants) or `any`. Default: `demo` with the demo, else nobody.",
      }),
    ),
    streams: Type.Object(
      {
        builtin: Type.Union([Type.Literal('all'), Type.Array(Type.String({ minLength: 1 }))], { default: 'all', flag: '--builtin-streams <names>', description: 'Which of the streams that come with Tidemill run: `all` or a list of names (an empty list for none).' }),
        paths: Type.Array(Type.String({ minLength: 1 }), { default: [], path: true, flag: '--streams <paths>', description: 'Your own streams: files, or directories of files.' }),
        accept: Type.Array(Type.String({ minLength: 1 }), { default: [], description: "Formats that producers may write: `avro` (with either header) or `json` for all topics, `<stream>=avro`, `<stream>=json` or `<stream>=any` for that of one stream. A record in another format becomes a dead letter. Default: any." }),
      },
      closed,
    ),
    schemaRegistry: Type.Object(
      {
        url: Type.Optional(text({ flag: '--registry <url>', description: 'A Confluent-compatible schema registry, with the path of its protocol (Apicurio: `/apis/ccompat/v7`). Records in its wire format are read with the schemas that it knows. Without one they become dead letters, and schemas come from files alone.' })),
        username: Type.Optional(text({ description: 'Who the engine is to the schema registry.' })),
        password: Type.Optional(text({ secret: true, description: "The password of `schemaRegistry.username`. Rather a variable of the environment than a line of a file." })),
        token: Type.Optional(text({ secret: true, description: 'Sent to the schema registry as a bearer token, instead of name and password.' })),
        caFile: Type.Optional(text({ path: true, description: "PEM of the authorities that may have signed the schema registry's certificate. Default: the system's." })),
      },
      closed,
    ),
    models: Type.Object({ directory: Type.Optional(text({ path: true, flag: '--models <directory>', description: "Where model families lie. Default: the package's own demo models." })) }, closed),
    warehouse: Type.Object(
      {
        rawEvents: toggle({ default: true, flag: '--no-raw-events', description: 'Keeps the raw events in ClickHouse too, for training and audit.' }),
        retentionDays: whole(1, 3_650, { default: 90, description: 'How long predictions, outcomes and raw events are kept in ClickHouse.' }),
      },
      closed,
    ),
    scoring: Type.Object(
      {
        chunkRecords: whole(1, 20_000, { default: limits.chunkRecords, description: 'Events scored together, at most.' }),
        commitIntervalMs: whole(0, 60_000, { default: limits.commitIntervalMs, flag: '--commit-interval <ms>', description: 'State is committed no more often than this; a crash folds at most this much again.' }),
        commitIntervalMaxMs: whole(0, 60_000, { default: limits.commitIntervalMaxMs, description: 'Under load commits are spaced out until they cost a tenth of the time, but never further apart than this.' }),
        cachedEntities: whole(100, 10_000_000, { default: limits.cachedEntities, description: 'Entities of one partition kept decoded in memory, about 1 KiB each.' }),
      },
      closed,
    ),
    log: Type.Object(
      { retentionDays: Type.Optional(whole(1, 3_650, { description: "How long every stream's events and predictions stay in the log. Default: each stream's own. Shorter than a stream's longest feature horizon plus lateness is refused at start." })) },
      closed,
    ),
    demo: Type.Object(
      {
        enabled: Type.Optional(toggle({ flag: '--no-demo', description: 'Runs the simulator in the engine, so that there is something to see. Default: on, unless tenants are listed.' })),
        rate: Type.Number({ minimum: 0.1, maximum: 100_000, default: 200, flag: '--rate <events/s>', description: 'Events per second that the demo makes, over all streams.' }),
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
const variableOf = (path: string): string => `TIDEMILL_${path.replace(/([a-z])([A-Z])/g, '$1_$2').replaceAll('.', '_').toUpperCase()}`

function* leaves(schema: TSchema, path: string): Generator<Setting> {
  if (schema['type'] === 'object') {
    const properties = schema['properties'] as Record<string, TSchema>
    for (const [name, inner] of Object.entries(properties)) yield* leaves(inner, path === '' ? name : `${path}.${name}`)
  } else {
    yield { path, variable: variableOf(path), flag: schema['flag'] as string | undefined, schema, isPath: schema['path'] === true }
  }
}

export const settings: readonly Setting[] = [...leaves(settingsSchema, '')]
