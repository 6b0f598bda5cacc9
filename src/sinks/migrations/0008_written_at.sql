-- Retention and table partitions follow the engine's own time, because a producer may write any time into its records.
-- written_at: when the warehouse flow inserted the row. A repeat after a crash lands in the table partition of its
-- original: before rows go to a new table partition, progress.written_at says so. record_time and event_time stay as the
-- producers wrote them. Old rows get their record_time, within what is kept. Old rows beyond the progress of their
-- partition are inserted again, so they get the written_at of that progress.
-- TTLs are set after the migrations, from the configured retention.

-- for each: SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'predictions' AND NOT has((SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = 'predictions'), 'written_at')
RENAME TABLE predictions TO predictions_before_0008;
-- end
CREATE TABLE IF NOT EXISTS predictions
(
    tenant LowCardinality(String),
    stream LowCardinality(String),
    topic LowCardinality(String) COMMENT 'source topic; api-predictions for predictions made on request',
    partition UInt32,
    offset Int64 COMMENT 'position of the source record' CODEC(Delta(8), ZSTD(1)),
    role LowCardinality(String) COMMENT 'served | shadow:<version> | api',
    item UInt32 COMMENT 'place within the source record: 0, but for a batch of API predictions' CODEC(ZSTD(1)),
    kind LowCardinality(String) COMMENT 'prediction | duplicate',
    event_id String CODEC(ZSTD(1)),
    entity String COMMENT 'id of the first entity of the stream' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'log time of the source record, as its producer wrote it' CODEC(Delta(8), ZSTD(1)),
    written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was inserted' CODEC(Delta(8), ZSTD(1)),
    score Float32 CODEC(ZSTD(1)),
    risk LowCardinality(String) COMMENT 'low | medium | high',
    served_by LowCardinality(String) COMMENT 'model | heuristic:<why>',
    version LowCardinality(String),
    late UInt8 COMMENT '1: beyond the lateness, scored but not folded',
    reasons Array(LowCardinality(String)) COMMENT 'features that raised the score',
    vector Array(Float32) COMMENT 'features in the order of the fingerprint' CODEC(ZSTD(1)),
    fingerprint LowCardinality(String),
    epoch Int64 COMMENT 'owner that wrote the block' CODEC(ZSTD(1)),
    control Int64 COMMENT 'position in the control topic that the routing had folded' CODEC(ZSTD(1)),
    ver UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX event_id_bloom event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX entity_bloom entity TYPE bloom_filter(0.025) GRANULARITY 1,
    INDEX event_time_range event_time TYPE minmax GRANULARITY 1,
    INDEX record_time_range record_time TYPE minmax GRANULARITY 1,
    INDEX written_at_range written_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(written_at)
ORDER BY (tenant, stream, topic, partition, offset, role, item)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
-- for each: SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = 'predictions_before_0008' AND active ORDER BY partition_id DESC
INSERT INTO predictions
(
    tenant, stream, topic, partition, offset, role, item, kind, event_id, entity, event_time, record_time,
    score, risk, served_by, version, late, reasons, vector, fingerprint, epoch, control, ver,
    written_at
)
SELECT
    tenant, stream, topic, partition, offset, role, item, kind, event_id, entity, event_time, record_time,
    score, risk, served_by, version, late, reasons, vector, fingerprint, epoch, control, ver,
    if(multiIf(next = 0, 0, role = 'served', offset > covered, role = 'api', offset >= next, 0), mark_written_at, least(greatest(record_time, now64(3) - INTERVAL $retentionDays DAY), now64(3)))
FROM (SELECT * FROM predictions_before_0008 WHERE _partition_id = '$partition_id') AS old
LEFT JOIN
(
    SELECT topic AS of_topic, partition AS of_partition, next, covered, written_at AS mark_written_at
    FROM progress FINAL
    WHERE table_name = 'predictions'
) AS mark ON mark.of_topic = if(old.role = 'served', concat(old.topic, '.predictions'), old.topic) AND mark.of_partition = old.partition
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0;
ALTER TABLE predictions_before_0008 DROP PARTITION ID '$partition_id';
-- end
DROP TABLE IF EXISTS predictions_before_0008;

-- for each: SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'outcomes' AND NOT has((SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = 'outcomes'), 'written_at')
RENAME TABLE outcomes TO outcomes_before_0008;
-- end
CREATE TABLE IF NOT EXISTS outcomes
(
    tenant LowCardinality(String),
    stream LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64 COMMENT 'position in the outcomes topic' CODEC(Delta(8), ZSTD(1)),
    label UInt8 COMMENT '1: what the stream looks for was there',
    source LowCardinality(String) COMMENT 'correction | review | event',
    decided_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'log time, as its producer wrote it' CODEC(Delta(8), ZSTD(1)),
    written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was inserted' CODEC(Delta(8), ZSTD(1)),
    decided_by String COMMENT 'id of the API key, empty for a producer of its own' CODEC(ZSTD(1)),
    note String CODEC(ZSTD(1)),
    INDEX record_time_range record_time TYPE minmax GRANULARITY 1,
    INDEX written_at_range written_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toStartOfMonth(written_at)
ORDER BY (tenant, stream, event_id, topic, partition, offset)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
-- for each: SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = 'outcomes_before_0008' AND active ORDER BY partition_id DESC
INSERT INTO outcomes
(
    tenant, stream, event_id, topic, partition, offset, label, source, decided_at, record_time, decided_by,
    note,
    written_at
)
SELECT
    tenant, stream, event_id, topic, partition, offset, label, source, decided_at, record_time, decided_by,
    note,
    if(next > 0 AND offset >= next, mark_written_at, least(greatest(record_time, now64(3) - INTERVAL $retentionDays DAY), now64(3)))
FROM (SELECT * FROM outcomes_before_0008 WHERE _partition_id = '$partition_id') AS old
LEFT JOIN
(
    SELECT topic AS of_topic, partition AS of_partition, next, covered, written_at AS mark_written_at
    FROM progress FINAL
    WHERE table_name = 'outcomes'
) AS mark ON mark.of_topic = old.topic AND mark.of_partition = old.partition
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0;
ALTER TABLE outcomes_before_0008 DROP PARTITION ID '$partition_id';
-- end
DROP TABLE IF EXISTS outcomes_before_0008;

-- for each: SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'events' AND NOT has((SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = 'events'), 'written_at')
RENAME TABLE events TO events_before_0008;
-- end
CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String) COMMENT 'header tenant, or the key of the record',
    stream LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    event_id String COMMENT 'header event_id, empty where the producer set none' CODEC(ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'log time, as its producer wrote it' CODEC(Delta(8), ZSTD(1)),
    written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was inserted' CODEC(Delta(8), ZSTD(1)),
    key String CODEC(ZSTD(1)),
    format LowCardinality(String) COMMENT 'json | avro',
    value String CODEC(ZSTD(3)),
    INDEX event_id_bloom event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX record_time_range record_time TYPE minmax GRANULARITY 1,
    INDEX written_at_range written_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(written_at)
ORDER BY (tenant, topic, partition, offset)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
-- for each: SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = 'events_before_0008' AND active ORDER BY partition_id DESC
INSERT INTO events
(
    tenant, stream, topic, partition, offset, event_id, record_time, key, format, value,
    written_at
)
SELECT
    tenant, stream, topic, partition, offset, event_id, record_time, key, format, value,
    if(next > 0 AND offset >= next, mark_written_at, least(greatest(record_time, now64(3) - INTERVAL $retentionDays DAY), now64(3)))
FROM (SELECT * FROM events_before_0008 WHERE _partition_id = '$partition_id') AS old
LEFT JOIN
(
    SELECT topic AS of_topic, partition AS of_partition, next, covered, written_at AS mark_written_at
    FROM progress FINAL
    WHERE table_name = 'events'
) AS mark ON mark.of_topic = old.topic AND mark.of_partition = old.partition
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0;
ALTER TABLE events_before_0008 DROP PARTITION ID '$partition_id';
-- end
DROP TABLE IF EXISTS events_before_0008;

-- for each: SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'dead_letters' AND NOT has((SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = 'dead_letters'), 'written_at')
RENAME TABLE dead_letters TO dead_letters_before_0008;
-- end
CREATE TABLE IF NOT EXISTS dead_letters
(
    tenant LowCardinality(String) COMMENT 'header tenant, empty where the record names none',
    stream LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition UInt32,
    source_offset Int64 CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64 COMMENT 'position in the dead-letter topic' CODEC(Delta(8), ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    record_time DateTime64(3, 'UTC') COMMENT 'log time of the source record, as its producer wrote it' CODEC(Delta(8), ZSTD(1)),
    written_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was inserted' CODEC(Delta(8), ZSTD(1)),
    code LowCardinality(String),
    stage LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    version LowCardinality(String) COMMENT 'build and plan that set it aside',
    attempts UInt16 COMMENT 'how often it was redriven before' CODEC(ZSTD(1)),
    origin_offset Int64 DEFAULT source_offset COMMENT 'where the event first became a dead letter' CODEC(Delta(8), ZSTD(1)),
    key String CODEC(ZSTD(1)),
    value String CODEC(ZSTD(3)),
    INDEX record_time_range record_time TYPE minmax GRANULARITY 1,
    INDEX written_at_range written_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(written_at)
ORDER BY (stream, source_topic, source_partition, source_offset)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
-- for each: SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = 'dead_letters_before_0008' AND active ORDER BY partition_id DESC
INSERT INTO dead_letters
(
    tenant, stream, source_topic, source_partition, source_offset, topic, partition, offset, event_id,
    record_time, code, stage, reason, version, attempts, origin_offset, key, value,
    written_at
)
SELECT
    tenant, stream, source_topic, source_partition, source_offset, topic, partition, offset, event_id,
    record_time, code, stage, reason, version, attempts, origin_offset, key, value,
    if(next > 0 AND offset >= next, mark_written_at, least(greatest(record_time, now64(3) - INTERVAL $retentionDays DAY), now64(3)))
FROM (SELECT * FROM dead_letters_before_0008 WHERE _partition_id = '$partition_id') AS old
LEFT JOIN
(
    SELECT topic AS of_topic, partition AS of_partition, next, covered, written_at AS mark_written_at
    FROM progress FINAL
    WHERE table_name = 'dead_letters'
) AS mark ON mark.of_topic = old.topic AND mark.of_partition = old.partition
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0;
ALTER TABLE dead_letters_before_0008 DROP PARTITION ID '$partition_id';
-- end
DROP TABLE IF EXISTS dead_letters_before_0008;

-- Predictions as they count: one row for each, copies folded, duplicate notices left out.
CREATE OR REPLACE VIEW predictions_final AS
SELECT * EXCEPT (ver)
FROM predictions FINAL
WHERE kind = 'prediction';

-- The latest outcome of each event, by arrival.
CREATE OR REPLACE VIEW outcomes_latest AS
SELECT
    tenant,
    stream,
    event_id,
    argMax(label, (written_at, topic, partition, offset)) AS label,
    argMax(source, (written_at, topic, partition, offset)) AS source,
    argMax(decided_at, (written_at, topic, partition, offset)) AS decided_at,
    argMax(decided_by, (written_at, topic, partition, offset)) AS decided_by,
    argMax(note, (written_at, topic, partition, offset)) AS note,
    max(written_at) AS arrived_at
FROM outcomes
GROUP BY tenant, stream, event_id;

-- Served predictions of the log with what came true; label is null while nothing is known.
CREATE OR REPLACE VIEW predictions_with_outcomes AS
SELECT
    p.*,
    o.label AS label,
    o.source AS outcome_source,
    o.decided_at AS decided_at,
    o.arrived_at AS outcome_arrived_at
FROM predictions_final AS p
LEFT JOIN
(
    SELECT tenant, stream, event_id, toNullable(label) AS label, source, toNullable(decided_at) AS decided_at, toNullable(arrived_at) AS arrived_at
    FROM outcomes_latest
) AS o ON p.tenant = o.tenant AND p.stream = o.stream AND p.event_id = o.event_id
WHERE p.role = 'served';

-- Predictions of the log as they read today: the row of the newest applied replay, else what was served. What was served
-- stays in predictions and in every other view.
CREATE OR REPLACE VIEW predictions_corrected AS
SELECT *
FROM predictions_final
WHERE role = 'served' OR role IN (SELECT concat('replay:', id) FROM replays FINAL WHERE state = 'applied')
ORDER BY tenant, stream, topic, partition, offset, role = 'served', role DESC
LIMIT 1 BY tenant, stream, topic, partition, offset;

-- Outcomes of events that have no prediction: the id is wrong, the event became a dead letter, or its prediction has
-- expired. An outcome may also arrive some seconds before its prediction is stored.
CREATE OR REPLACE VIEW outcomes_unknown AS
SELECT *
FROM outcomes_latest
WHERE (tenant, stream, event_id) NOT IN
(
    SELECT tenant, stream, event_id
    FROM predictions
    WHERE event_id IN (SELECT event_id FROM outcomes)
);
