-- Backtests that came to their end. Stored again under the same id, the later word counts.
CREATE TABLE IF NOT EXISTS backtest_runs
(
    id String,
    stream LowCardinality(String),
    model String COMMENT 'as it was asked for',
    fingerprint LowCardinality(String),
    from_time Nullable(DateTime64(3, 'UTC')) COMMENT 'log time of the first event; null: the beginning',
    to_time Nullable(DateTime64(3, 'UTC')) COMMENT 'log time before which events lie; null: the end at the start',
    started_at DateTime64(3, 'UTC'),
    finished_at DateTime64(3, 'UTC'),
    records UInt64 COMMENT 'read, those that warmed up the state included',
    replay_ms UInt64,
    rows UInt64 COMMENT 'scored',
    labelled UInt64,
    positives UInt64,
    roc_auc Nullable(Float64),
    pr_auc Nullable(Float64),
    brier Nullable(Float64),
    served_roc_auc Nullable(Float64)
)
ENGINE = ReplacingMergeTree(finished_at)
ORDER BY id
TTL toDateTime(finished_at) + INTERVAL 365 DAY DELETE;

-- What backtests predicted: the columns of predictions, and role is the id of the run. Kept from when it was stored, for
-- the events of a backtest may be older than what predictions keep.
CREATE TABLE IF NOT EXISTS backtest_predictions
(
    tenant LowCardinality(String),
    stream LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    role LowCardinality(String) COMMENT 'id of the run',
    item UInt32 CODEC(ZSTD(1)),
    kind LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    entity String CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    record_time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    score Float32 CODEC(ZSTD(1)),
    risk LowCardinality(String),
    served_by LowCardinality(String),
    version LowCardinality(String),
    late UInt8,
    reasons Array(LowCardinality(String)),
    vector Array(Float32) COMMENT 'empty unless the run was stored with its vectors' CODEC(ZSTD(1)),
    fingerprint LowCardinality(String),
    epoch Int64 CODEC(ZSTD(1)),
    control Int64 CODEC(ZSTD(1)),
    ver UInt64 CODEC(Delta(8), ZSTD(1)),
    stored_at DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY (role, tenant, stream, topic, partition, offset, item)
TTL stored_at + INTERVAL 90 DAY DELETE
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Replays into the live tables: the last step of each. Their rows are in predictions, role replay:<id>.
CREATE TABLE IF NOT EXISTS replays
(
    id String,
    state LowCardinality(String) COMMENT 'started | applied | undone',
    stream LowCardinality(String),
    model String,
    from_time Nullable(DateTime64(3, 'UTC')),
    to_time Nullable(DateTime64(3, 'UTC')),
    rows UInt64,
    decided_by String,
    why String,
    decided_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(decided_at)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Predictions of the log as they read today: the row of the newest applied replay, else what was served. What was served
-- stays in predictions and in every other view.
CREATE OR REPLACE VIEW predictions_corrected AS
SELECT *
FROM predictions_final
WHERE role = 'served' OR role IN (SELECT concat('replay:', id) FROM replays FINAL WHERE state = 'applied')
ORDER BY tenant, stream, topic, partition, offset, role = 'served', role DESC
LIMIT 1 BY tenant, stream, topic, partition, offset;
