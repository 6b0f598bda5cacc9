import { steps, usualTenant, type Step, type When } from '../story.js'

export interface Pass extends When {
  readonly badge?: string
  readonly door?: string | null
  readonly force?: number
  readonly tenant?: string
  readonly id?: string
  /** Other columns, also such as do not fit the schema. */
  readonly columns?: Readonly<Record<string, unknown>>
}

/** A badge opens a door of the fixture stream `doors`. */
export const pass =
  ({ badge = 'b1', door = 'd1', force = 10, tenant = usualTenant, id, columns = {}, ...when }: Pass = {}): Step =>
  (narrator) => {
    const { number, atMs } = narrator.next(when)
    const event = { event_id: id ?? `pass-${number}`, tenant_id: tenant, badge, door, at: atMs, force, ...columns }
    return [narrator.send(`badge ${badge} of ${tenant} opens door ${String(door)}`, event, tenant)]
  }

/** So many passes of five badges at three doors, a minute apart. */
export const passesOf = (count: number, change: Pass = {}): Step =>
  steps(
    ...Array.from({ length: count }, (_, i) =>
      pass({ badge: `b${(i * 7) % 5}`, door: `d${i % 3}`, force: ((i * 37) % 101) / 3, ...change }),
    ),
  )
