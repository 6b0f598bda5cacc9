import type { Clock } from '../../base/clock.js'
import type { ReadinessCheck } from '../../contracts/checks.js'
import type { Warehouse } from '../../sinks/warehouse.js'

/** The query reads every outcome of a day. */
const askEveryMs = 5 * 60 * 1_000

const sql = `SELECT toUInt32(count()) AS outcomes, any(concat(stream, ' ', event_id)) AS example FROM outcomes_unknown
  WHERE arrived_at >= now() - INTERVAL 1 DAY AND arrived_at < now() - INTERVAL 5 MINUTE`

/** Says how many outcomes of the last day name an event that has no prediction. They are kept, and count nowhere. */
export function watchUnknownOutcomes(warehouse: Pick<Warehouse, 'query'>, clock: Clock): () => Promise<ReadinessCheck> {
  let asked: { readonly atMs: number; readonly detail: Promise<string> } | undefined
  async function detailNow(): Promise<string> {
    const [row] = await warehouse.query<{ outcomes: number; example: string }>(sql)
    return row === undefined || row.outcomes === 0
      ? 'every outcome of the last day has a prediction'
      : `${row.outcomes} outcomes of the last day name events without a prediction, for example ${row.example}; they ` +
          'are kept: SELECT * FROM outcomes_unknown'
  }
  return async () => {
    const nowMs = clock.nowMs()
    if (asked === undefined || nowMs - asked.atMs >= askEveryMs) asked = { atMs: nowMs, detail: detailNow() }
    try {
      return { check: 'outcomes', ok: true, detail: await asked.detail }
    } catch {
      asked = undefined
      return { check: 'outcomes', ok: true, detail: 'not known while the warehouse does not answer' }
    }
  }
}
