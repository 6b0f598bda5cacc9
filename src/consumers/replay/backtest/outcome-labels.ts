import type { LogView } from '../../../log/event-log.js'
import { readUpTo } from '../../../log/read-up-to.js'
import type { Stream } from '../../../streams/stream.js'
import { outcomeFault, type OutcomeValue } from '../../warehouse/records.js'
import { outcomesTopic } from '../../ground/topic-names.js'

/** What came true, as far as it had arrived by one moment. */
export interface OutcomeLabels {
  /** Outcomes of the stream that were read. */
  readonly outcomes: number
  /**
   * 1, 0, or -1 while nothing is known. Silence is an answer where the stream's rule says so and the event is old
   * enough.
   */
  labelOf(tenant: string, eventId: string, eventTimeMs: number): -1 | 0 | 1
}

/**
 * Reads the outcomes topic up to its present end. Of several outcomes of one event the one that arrived last counts.
 */
export async function readOutcomes(view: LogView, stream: Stream, asOfMs: number): Promise<OutcomeLabels> {
  const at = { topic: outcomesTopic, partition: 0 }
  const { first, next } = await view.bounds(at)
  const reader = view.reader(at)
  const { signal } = new AbortController()
  const byTenant = new Map<string, Map<string, 0 | 1>>()
  let outcomes = 0
  try {
    for await (const records of readUpTo(reader, first, next, { records: 10_000, bytes: 4 * 1024 * 1024 }, signal)) {
      for (const record of records) {
        if (outcomeFault(record) !== undefined) continue
        const outcome = JSON.parse(record.value!.toString()) as OutcomeValue
        if (outcome.stream !== stream.name) continue
        const known = byTenant.get(outcome.tenant) ?? new Map<string, 0 | 1>()
        byTenant.set(outcome.tenant, known)
        known.set(outcome.event_id, outcome.label)
        outcomes++
      }
    }
  } finally {
    await reader.close()
  }
  const { matureAfterMs, silenceMeans } = stream.outcome
  const silent = (eventTimeMs: number): -1 | 0 =>
    silenceMeans === 'genuine' && eventTimeMs + matureAfterMs <= asOfMs ? 0 : -1
  return {
    outcomes,
    labelOf: (tenant, eventId, eventTimeMs) => byTenant.get(tenant)?.get(eventId) ?? silent(eventTimeMs),
  }
}
