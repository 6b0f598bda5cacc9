import { createHash } from 'node:crypto'
import { rowKinds } from '../../src/log/blocks/block.js'
import { decodeBlock } from '../../src/log/blocks/codec.js'
import { openGate } from '../../src/log/blocks/gate.js'
import type { LogRecord, Offset } from '../../src/log/event-log.js'
import { systemClock } from '../../src/base/clock.js'
import { readDeadLetter } from '../../src/consumers/ground/dead-letter-record.js'
import type { Appended, FuzzedEngine } from './engine.js'
import { goodTenants } from './records.js'

/** What became of one record. */
export type Result = 'scored' | 'unscored' | 'duplicate' | `dead letter ${string}`

/** Follows what the engine writes about its records, from one batch to the next. */
export function followResults({ log, stream, failed }: FuzzedEngine) {
  const partitions = Array.from({ length: stream.stream.partitions }, (_, partition) => ({
    partition,
    gate: openGate(-1, 0),
    nextBlock: 0,
    nextDeadLetter: 0,
    good: createHash('sha256'),
  }))
  const results = new Map<string, Result[]>()

  const add = (partition: number, offset: Offset, result: Result): void => {
    const place = `${partition}/${offset}`
    results.set(place, [...(results.get(place) ?? []), result])
  }

  async function newRecords(topic: string, partition: number, from: Offset): Promise<readonly LogRecord[]> {
    const at = { topic, partition }
    const { next } = await log.bounds(at)
    if (next <= from) return []
    const reader = log.reader(at)
    const out: LogRecord[] = []
    for (let offset = from; offset < next; offset = out.at(-1)!.offset + 1) {
      const read = await reader.read(offset, { records: 2_000, bytes: 1 << 24 }, AbortSignal.timeout(60_000))
      out.push(...read.map((record) => ({ ...record, value: record.value && Buffer.from(record.value) })))
    }
    await reader.close()
    return out
  }

  function takeBlock({ partition, gate, good }: (typeof partitions)[number], value: Buffer): void {
    const block = gate.admit(decodeBlock(value))
    if (block === undefined) return
    for (let row = 0; row < block.rows; row++) {
      const score = block.scores[row]!
      const scored = score >= 0 && score <= 1 ? 'scored' : 'unscored'
      add(partition, block.offsets[row]!, rowKinds[block.kinds[row]!] === 'duplicate' ? 'duplicate' : scored)
      if (!goodTenants.has(block.tenants[row]!)) continue
      good.update(`${block.eventIds[row]} ${score} ${block.flags[row]}`)
      good.update(block.vectors.subarray(row * block.width, (row + 1) * block.width))
    }
  }

  async function poll(): Promise<void> {
    for (const one of partitions) {
      for (const { offset, value } of await newRecords(stream.topics.predictions, one.partition, one.nextBlock)) {
        takeBlock(one, value!)
        one.nextBlock = offset + 1
      }
      for (const record of await newRecords(stream.topics.deadLetters, one.partition, one.nextDeadLetter)) {
        const deadLetter = readDeadLetter(record)!
        add(deadLetter.partition, deadLetter.offset, `dead letter ${deadLetter.code}`)
        one.nextDeadLetter = record.offset + 1
      }
    }
  }

  return {
    /** Waits until every record of the batch is covered, and returns the results of each. */
    async of(batch: readonly Appended[]): Promise<ReadonlyMap<Appended, readonly Result[]>> {
      const last = partitions.map(({ partition }) =>
        Math.max(-1, ...batch.filter((one) => one.partition === partition).map(({ offset }) => offset)),
      )
      for (;;) {
        await poll()
        if (partitions.every(({ partition, gate }) => (gate.covered ?? -1) >= last[partition]!)) break
        await Promise.race([systemClock.sleep(5), failed])
      }
      const found = new Map(batch.map((one) => [one, results.get(`${one.partition}/${one.offset}`) ?? []]))
      results.clear()
      return found
    },
    /** Hashes of the scores and vectors of the good events so far. */
    digest: (): string => partitions.map(({ good }) => good.copy().digest('hex')).join(),
  }
}
