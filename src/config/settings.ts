import { Type, type Static, type TSchema } from '@sinclair/typebox'
import {
  apiSettings,
  demoSettings,
  modelSettings,
  processSettings,
  streamSettings,
  tenantSettings,
} from './schema/process.js'
import { closed } from './schema/kinds.js'
import { logSettings, scoringSettings, warehouseSettings } from './schema/scoring.js'
import { clickhouseSettings, kafkaSettings, redisSettings, schemaRegistrySettings } from './schema/servers.js'

export { roles, type Role } from './schema/process.js'

/**
 * Declares every setting once: the schema of the file, the defaults, the flags, the environment variables and the
 * reference all follow from it.
 */
export const settingsSchema = Type.Object(
  {
    ...processSettings,
    api: apiSettings,
    tenants: tenantSettings,
    streams: streamSettings,
    schemaRegistry: schemaRegistrySettings,
    kafka: kafkaSettings,
    redis: redisSettings,
    clickhouse: clickhouseSettings,
    models: modelSettings,
    warehouse: warehouseSettings,
    scoring: scoringSettings,
    log: logSettings,
    demo: demoSettings,
  },
  closed,
)

export type Settings = Static<typeof settingsSchema>

/** One value that can be set: `api.port`, as TIDEMILL_API_PORT, with --port. */
export interface Setting {
  readonly path: string
  readonly variable: string
  readonly flag: string | undefined
  /** What the flag does; the description of the setting unless the flag negates it. */
  readonly flagDescription: string
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
      flagDescription: (schema['flagDescription'] as string | undefined) ?? schema.description ?? '',
      schema,
      isPath: schema['path'] === true,
    }
  }
}

export const settings: readonly Setting[] = [...leaves(settingsSchema, '')]
