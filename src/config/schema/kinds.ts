import { Type } from '@sinclair/typebox'

/** What a setting has besides its type. */
interface Extra {
  readonly description: string
  /** The flag of `tidemill start` that sets it. */
  readonly flag?: string
  /** What the flag does, where that is not the description: a flag `--no-...` switches the setting off. */
  readonly flagDescription?: string
  /** The value is a path, or a list of paths. */
  readonly path?: true
  /** Never shown, not even in a problem report. */
  readonly secret?: true
}

export const text = (extra: Extra & { default?: string; pattern?: string; minLength?: number }) =>
  Type.String({ minLength: 1, ...extra })
export const whole = (minimum: number, maximum: number, extra: Extra & { default?: number }) =>
  Type.Integer({ minimum, maximum, ...extra })
export const number = (minimum: number, maximum: number, extra: Extra & { default: number }) =>
  Type.Number({ minimum, maximum, ...extra })
export const toggle = (extra: Extra & { default?: boolean }) => Type.Boolean(extra)

/** An unknown setting is a problem. */
export const closed = { additionalProperties: false } as const

export const hostAndPort = Type.String({ pattern: '^.+:\\d{1,5}$' })

/** No control characters: they separate the parts of state keys. */
export const tenantId = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,128}$' })
