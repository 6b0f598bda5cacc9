import type { Warehouse } from './warehouse.js'
import { literal } from './literal.js'

/** A table or view: what it is for, and the meaning of each column in its order. */
export interface Described {
  readonly about: string
  readonly columns: Readonly<Record<string, string>>
}

const place = {
  topic: 'topic of the record',
  partition: 'partition of the record in its topic',
  offset: 'position of the record in its partition',
}

const predictionPlace = {
  tenant: 'customer whose event it is',
  stream: 'stream of the event',
  topic: 'source topic; api-predictions for predictions made on request',
  partition: 'partition of the source record',
  offset: 'position of the source record',
  role: 'served: counts; shadow:<version>: a model on trial; api: made on request; replay:<id>: made by a replay',
  item: 'place within the source record: 0, except in a batch of predictions made on request',
  kind: 'prediction; duplicate: the event id was seen before, and the row has no score',
  event_id: 'id of the event, unique within its tenant',
  entity: 'id of the first entity of the stream: the subject of the prediction',
  event_time: "the event's own time",
  record_time: 'log time of the source record, as its producer wrote it',
}
const written = { written_at: 'when the engine wrote the row; retention runs from here' }
const predictionValues = {
  score: 'score from 0 to 1',
  risk: 'low, medium or high: the score against the levels of the stream',
  served_by: 'model; heuristic:<why>, where no model could score',
  version: 'version of the model or heuristic that gave the score',
  late: '1: the event was older than the lateness allows, so no feature remembers it',
  reasons: 'features that raised the score most',
  vector: 'features in the order of the fingerprint',
  fingerprint: 'names the features and their order',
  epoch: 'number of the owner of the partition that wrote the block',
  control: 'position in the control topic up to which decisions applied',
}
const version = { ver: 'of copies of a row, the one with the largest number counts' }
const verdict = {
  label: '1: what the stream looks for was there; 0: it was not',
  source: 'correction, review or event',
  decided_at: 'when the outcome was decided',
}
const author = {
  decided_by: 'id of the API key; empty where a producer of its own wrote it',
  note: 'free text of its author',
}
const latestOutcome = {
  tenant: 'customer whose event it is',
  stream: 'stream of the event',
  event_id: 'id of the event',
  ...verdict,
  ...author,
  arrived_at: 'when the last outcome arrived',
}
const prediction = { ...predictionPlace, ...written, ...predictionValues }

/** Every table and view that the migrations create. */
export const dataDictionary: Readonly<Record<string, Described>> = {
  predictions: {
    about: 'One row per scored event and role, with copies after a crash. Query predictions_final.',
    columns: { ...prediction, ...version },
  },
  predictions_final: { about: 'Predictions, each once. Query this view.', columns: prediction },
  predictions_with_outcomes: {
    about: 'Served predictions with their latest outcome. label is NULL while nothing is known.',
    columns: {
      ...prediction,
      label: '1 or 0; NULL while nothing is known',
      outcome_source: 'correction, review or event; empty while nothing is known',
      decided_at: 'when the outcome was decided; NULL while nothing is known',
      outcome_arrived_at: 'when the outcome arrived; NULL while nothing is known',
    },
  },
  predictions_corrected: {
    about: 'Served predictions, with those of applied replays in the place of the served rows.',
    columns: prediction,
  },
  prediction_copies: {
    about: 'Copies of rows that ClickHouse has not merged away yet. They are no fault by themselves.',
    columns: {
      topic: 'source topic',
      partition: 'partition of the source records',
      raw_rows: 'rows in the table predictions',
      final_rows: 'rows that count',
      copies: 'raw_rows - final_rows',
    },
  },
  outcomes: {
    about: 'Outcomes of predictions as they arrived. Query outcomes_latest.',
    columns: {
      tenant: 'customer whose event it is',
      stream: 'stream of the event',
      event_id: 'id of the event',
      ...place,
      ...verdict,
      record_time: 'log time of the record, as its producer wrote it',
      ...written,
      ...author,
    },
  },
  outcomes_latest: { about: 'The latest outcome of each event, by arrival.', columns: latestOutcome },
  outcomes_unknown: { about: 'Latest outcomes of events that have no prediction.', columns: latestOutcome },
  events: {
    about: 'Raw events, byte for byte as producers sent them.',
    columns: {
      tenant: 'header tenant, or the key of the record',
      stream: 'stream of the event',
      ...place,
      event_id: 'header event_id; empty where the producer set none',
      record_time: 'log time of the record, as its producer wrote it',
      ...written,
      key: 'key of the record',
      format: 'json or avro',
      value: 'the event, as its producer wrote it',
    },
  },
  dead_letters: {
    about: 'Records that could not be scored, with the reason.',
    columns: {
      tenant: 'header tenant; empty where the record names none',
      stream: 'stream of the record',
      source_topic: 'topic of the record',
      source_partition: 'partition of the record',
      source_offset: 'position of the record',
      topic: 'dead-letter topic',
      partition: 'partition in the dead-letter topic',
      offset: 'position in the dead-letter topic',
      event_id: 'header event_id; empty where the producer set none',
      record_time: 'log time of the source record, as its producer wrote it',
      ...written,
      code: 'error code',
      stage: 'decode, check or score: where the record failed',
      reason: 'why, in words',
      version: 'build and feature plan that refused the record',
      attempts: 'how often it was redriven before',
      origin_offset: 'position at which the event first became a dead letter',
      key: 'key of the record',
      value: 'the record, as its producer wrote it',
    },
  },
  progress: {
    about: 'How far each table is filled, by source partition.',
    columns: {
      table_name: 'table that is filled',
      topic: 'topic that is read',
      partition: 'partition that is read',
      next: 'next position to read',
      covered: 'last source offset that the blocks before next cover; -1 for none',
      epoch: 'highest epoch before next',
      written_at: 'when the engine wrote the row; the next insert has this time',
    },
  },
  backtest_runs: {
    about: 'Finished backtests that were stored.',
    columns: {
      id: 'id of the run',
      stream: 'stream that was replayed',
      model: 'model, as it was requested',
      fingerprint: 'names the features and their order',
      from_time: 'log time of the first event; NULL: the beginning',
      to_time: 'log time before which the events lie; NULL: the end at the start of the run',
      started_at: 'when the run began',
      finished_at: 'when the run ended; rows are kept for a year from here',
      records: 'records that were read, those of the warm-up included',
      replay_ms: 'duration of the replay, ms',
      rows: 'events that were scored',
      labelled: 'scored events with an outcome',
      positives: 'scored events whose outcome is 1',
      roc_auc: 'area under the ROC curve; NULL where it is undefined',
      pr_auc: 'average precision; NULL where it is undefined',
      brier: 'Brier score; NULL where it is undefined',
      served_roc_auc: 'area under the ROC curve of the served scores; NULL where it is undefined',
    },
  },
  backtest_predictions: {
    about: 'Predictions of stored backtests. role is the id of the run.',
    columns: {
      ...predictionPlace,
      role: 'id of the run',
      ...predictionValues,
      vector: 'features in the order of the fingerprint; empty unless the run was stored with its vectors',
      ...version,
      stored_at: 'when the run was stored; retention runs from here',
    },
  },
  replays: {
    about: 'Replays into the live tables, as they were decided.',
    columns: {
      id: 'id of the replay',
      state: 'started, applied or undone',
      stream: 'stream that was replayed',
      model: 'model of the replay',
      from_time: 'log time of the first event; NULL: the beginning',
      to_time: 'log time before which the events lie; NULL: the end',
      rows: 'predictions of the replay',
      decided_by: 'id of the API key, or the name of a person',
      why: 'the reason that the person gave',
      decided_at: 'when it was decided',
    },
  },
  tenant_bytes: {
    about: "Bytes on disk by tenant and table: a table's compressed bytes, shared out by rows.",
    columns: {
      tenant: 'customer',
      table_name: 'table',
      rows: "the tenant's rows",
      bytes: "the tenant's share of bytes",
    },
  },
  schema_migrations: {
    about: 'Migrations that ran.',
    columns: {
      version: 'number of the migration',
      name: 'file of the migration',
      checksum: 'SHA-256 of the file',
      applied_at: 'when it ran',
    },
  },
}

/**
 * Sets the comments of tables, views and columns in ClickHouse where they differ, so that every client shows them.
 * Repeating it changes nothing.
 */
export async function describeTables(warehouse: Warehouse): Promise<void> {
  const tables = await warehouse.query<{ name: string; comment: string }>(
    'SELECT name, comment FROM system.tables WHERE database = currentDatabase()',
  )
  const columns = await warehouse.query<{ table: string; name: string; comment: string }>(
    'SELECT table, name, comment FROM system.columns WHERE database = currentDatabase()',
  )
  for (const { name: table, comment } of tables) {
    const described = dataDictionary[table]
    if (described === undefined) continue
    const changes = columns
      .filter((column) => column.table === table && described.columns[column.name] !== undefined)
      .filter((column) => column.comment !== described.columns[column.name])
      .map(({ name }) => `COMMENT COLUMN ${name} ${literal(described.columns[name]!)}`)
    if (changes.length > 0) await warehouse.run(`ALTER TABLE ${table} ${changes.join(', ')}`)
    if (comment !== described.about)
      await warehouse.run(`ALTER TABLE ${table} MODIFY COMMENT ${literal(described.about)}`)
  }
}
