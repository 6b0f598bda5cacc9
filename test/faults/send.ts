import { placed } from '../../bench/engine/setup.js'
import { systemClock as clock } from '../../src/base/clock.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { retrying } from '../../src/consumers/ground/retry.js'
import type { EventLog, NewRecord } from '../../src/log/event-log.js'
import type { Acknowledged, Send } from './load.js'

const pauseMs = 50

/**
 * Sends to an engine's API, and sends again what was not answered: whether it came to the log or not is unknown then.
 */
export const overHttp =
  ({ stream }: CompiledStream, url: () => string, key: string): Send =>
  async (lines) => {
    for (;;) {
      const answer = await fetch(`${url()}/api/v2/events/${stream.name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
        body: lines.join('\n'),
      })
        .then(async (response) => ({ status: response.status, text: await response.text() }))
        .catch(() => undefined)
      if (answer?.status === 200)
        return (
          JSON.parse(answer.text) as { results: { event_id: string; partition: number; offset: number }[] }
        ).results.map(({ event_id: id, partition, offset }) => ({ id, partition, offset }))
      if (answer !== undefined && answer.status !== 503)
        throw new Error(`the engine answered ${answer.status}: ${answer.text.slice(0, 500)}`)
      await clock.sleep(pauseMs)
    }
  }

/** Appends to the log as a producer would: a batch for each partition, in order, again where it was not answered. */
export const toLog =
  (stream: CompiledStream, log: EventLog): Send =>
  async (lines) => {
    const batches = new Map<number, { record: NewRecord; id: string }[]>()
    let at = 0
    for (const { partition, record } of placed(stream, 'json', lines)) {
      const one = { record, id: (JSON.parse(lines[at++]!) as { event_id: string }).event_id }
      const batch = batches.get(partition)
      if (batch === undefined) batches.set(partition, [one])
      else batch.push(one)
    }
    const { signal } = new AbortController()
    const appended = await Promise.all(
      [...batches].map(async ([partition, batch]): Promise<Acknowledged[]> => {
        const first = await retrying(
          () =>
            log.append(
              { topic: stream.topics.events, partition },
              batch.map(({ record }) => record),
            ),
          { clock, signal },
        )
        return batch.map(({ id }, i) => ({ id, partition, offset: first + i }))
      }),
    )
    return appended.flat()
  }
