import type { LogView } from '../../../log/event-log.js'
import type { Stream } from '../../../streams/stream.js'
import { readPartition } from '../../ground/read-partition.js'
import { outcomeFault, type OutcomeValue } from '../../warehouse/records.js'
import { outcomesTopic } from '../../ground/topic-names.js'

/** The outcomes of a stream, as far as they had arrived when they were read. */
export interface OutcomeLabels {
  /** The number of outcomes that were read. */
  readonly outcomes: number
  /**
   * 1, 0, or -1: not known. Without an outcome it is 0 where the stream's `silenceMeans` is `genuine` and the event is
   * mature.
   */
  labelOf(tenant: string, eventId: string, eventTimeMs: number): -1 | 0 | 1
}

/** Reads the outcomes topic up to its present end. Of several outcomes of one event the last one counts. */
export async function readOutcomes(view: LogView, stream: Stream, asOfMs: number): Promise<OutcomeLabels> {
  const at = { topic: outcomesTopic, partition: 0 }
  const byTenant = new Map<string, Map<string, 0 | 1>>()
  let outcomes = 0
  for await (const records of readPartition(view, at, { records: 10_000, bytes: 4 * 1024 * 1024 })) {
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
  const { matureAfterMs, silenceMeans } = stream.outcome
  const silent = (eventTimeMs: number): -1 | 0 =>
    silenceMeans === 'genuine' && eventTimeMs + matureAfterMs <= asOfMs ? 0 : -1
  return {
    outcomes,
    labelOf: (tenant, eventId, eventTimeMs) => byTenant.get(tenant)?.get(eventId) ?? silent(eventTimeMs),
  }
}
