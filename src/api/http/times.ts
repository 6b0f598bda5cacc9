/** Times in requests. */
import { Refusal } from './problems.js'

const epochMs = /^-?\d{1,15}$/
const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/

/** Epoch ms of a time; a bare date is its midnight in UTC. Throws BAD_QUERY, or `code`, and names the `field`. */
export function timeOf(field: string, time: string | number, code: 'BAD_QUERY' | 'BAD_FIELD' = 'BAD_QUERY'): number {
  const text = String(time)
  const ms = epochMs.test(text) ? Number(text) : iso.test(text) ? Date.parse(text) : NaN
  if (Number.isFinite(ms)) return ms
  const message = 'must be a time: ISO 8601 with a zone (2026-01-06T08:00:00Z), a date, or epoch milliseconds'
  throw new Refusal(code, `${field}: ${message}`, { errors: [{ field, message }] })
}

/** The last time that a Date holds. A producer may write any number as a log time. */
const latestMs = 8.64e15

export const isoOf = (ms: number): string => new Date(Math.max(-latestMs, Math.min(ms, latestMs))).toISOString()
