import { EngineError, isEngineError } from '../../base/errors.js'
import { decodeBlock } from '../../log/blocks/codec.js'
import type { Block } from '../../log/blocks/block.js'
import type { ReplayDecision, ReplayState, RunPlace, RunResults, StoredBacktest } from '../../contracts/runs.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { encodePredictions } from '../warehouse/predictions.js'
import type { Control } from '../control/follower.js'

/** The states that a step may follow. Repeating a step, after an error, changes nothing. */
const follows: Readonly<Record<ReplayState, readonly (ReplayState | undefined)[]>> = {
  started: [undefined, 'started', 'undone'],
  applied: ['started', 'applied'],
  undone: ['started', 'applied', 'undone'],
}

interface LastStep {
  readonly state: ReplayState
  readonly atMs: number
}

/** Writes results of runs to the control topic and the warehouse. */
export function runResults(control: Pick<Control, 'decide'>, warehouse: Warehouse): RunResults {
  const lastStep = async (id: string): Promise<LastStep | undefined> =>
    (
      await warehouse.query<LastStep>(
        'SELECT state, toFloat64(toUnixTimestamp64Milli(decided_at)) AS atMs FROM replays FINAL WHERE id = ' +
          '{id: String}',
        { id },
      )
    )[0]

  return {
    putBacktest: (run) => warehouse.run(insertBacktest, paramsOf(run)),
    async addPredictions(place, bytes) {
      const block = blockOf(bytes)
      const step = place.of === 'replay' ? await lastStep(place.id) : undefined
      if (place.of === 'replay' && step?.state !== 'started')
        throw new EngineError(
          'BAD_REQUEST',
          `replay ${place.id} takes no predictions: it was not started, or it has ended`,
        )
      if (block.rows > 0)
        await warehouse.insert(
          place.of === 'replay' ? 'predictions' : 'backtest_predictions',
          encodePredictions([{ ...storedAs(place, block), ...(step === undefined ? {} : { writtenAtMs: step.atMs }) }]),
        )
    },
    async decideReplay(decision) {
      const { id, state } = decision
      const before = (await lastStep(id))?.state
      if (!follows[state].includes(before))
        throw new EngineError('BAD_REQUEST', `replay ${id} is ${before ?? 'not known'}; it cannot become ${state}`)
      const { by, why, stream, model, fromMs, toMs, rows } = decision
      await control.decide({ kind: 'replay', replay: id, state, stream, model, fromMs, toMs, rows, by, why })
      // A repeated step keeps its first time: the rows of a replay that was interrupted have it as their written_at.
      if (state !== before) await warehouse.run(insertReplay, paramsOf(decision))
      // Since the decision no view counts these rows; deleting them frees their space.
      if (state === 'undone')
        await warehouse.run('DELETE FROM predictions WHERE role = {role: String}', { role: `replay:${id}` })
    },
    replays: () => warehouse.query<ReplayDecision>(selectReplays),
  }
}

const storedAs = ({ of, id, stream, topic, partition, position }: RunPlace, block: Block) => ({
  stream,
  topic,
  partition,
  role: of === 'replay' ? `replay:${id}` : id,
  offset: position,
  generation: 0,
  block,
})

function blockOf(bytes: Buffer): Block {
  try {
    return decodeBlock(bytes)
  } catch (error) {
    if (!isEngineError(error, 'LOG_DAMAGED')) throw error
    throw new EngineError('BAD_REQUEST', 'the body is no block of predictions', { cause: error })
  }
}

/** The parameters of a statement. Null is bound as NULL. */
const paramsOf = (row: StoredBacktest | ReplayDecision): Readonly<Record<string, unknown>> => ({ ...row })

const time = (name: string): string => `fromUnixTimestamp64Milli({${name}: Int64}, 'UTC')`
const timeOrNull = (name: string): string =>
  `if(isNull({${name}: Nullable(Int64)}), NULL, fromUnixTimestamp64Milli(assumeNotNull({${name}: ` +
  `Nullable(Int64)}), 'UTC'))`

const insertBacktest = `INSERT INTO backtest_runs (
    id, stream, model, fingerprint, from_time, to_time, started_at, finished_at, records, replay_ms,
    rows, labelled, positives, roc_auc, pr_auc, brier, served_roc_auc)
  SELECT {id: String}, {stream: String}, {model: String}, {fingerprint: String},
    ${timeOrNull('fromMs')}, ${timeOrNull('toMs')}, ${time('startedMs')}, ${time('finishedMs')},
    {records: UInt64}, {replayMs: UInt64}, {rows: UInt64}, {labelled: UInt64}, {positives: UInt64},
    {rocAuc: Nullable(Float64)}, {prAuc: Nullable(Float64)}, {brier: Nullable(Float64)},
    {servedRocAuc: Nullable(Float64)}`

const insertReplay = `INSERT INTO replays (
    id, state, stream, model, from_time, to_time, rows, decided_by, why, decided_at)
  SELECT {id: String}, {state: String}, {stream: String}, {model: String},
    ${timeOrNull('fromMs')}, ${timeOrNull('toMs')}, {rows: UInt64}, {by: String}, {why: String}, ${time('atMs')}`

const selectReplays = `SELECT id, state, stream, model,
    toFloat64(toUnixTimestamp64Milli(from_time)) AS fromMs, toFloat64(toUnixTimestamp64Milli(to_time)) AS toMs,
    toFloat64(rows) AS rows, decided_by AS by, why, toFloat64(toUnixTimestamp64Milli(decided_at)) AS atMs
  FROM replays FINAL ORDER BY decided_at DESC LIMIT 1000`
