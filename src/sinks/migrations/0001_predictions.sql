-- One row per scored event and role, as the blocks of the predictions topics carry them. A row may be inserted more
-- than once (a crash between insert and progress, two blocks over the same offsets): the first block wins, because
-- ver = 2^63 - 1 - block offset, and the copies fold away on merge and under FINAL.
-- Partitions follow the source record's time, so that a repeat always lands beside its original.
-- An insert is on disk when it is acknowledged, here and in every table: progress is written after it and must not
-- outlive it when the machine loses power. (Merged parts need no flush: their sources are kept for minutes.)
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
    record_time DateTime64(3, 'UTC') COMMENT 'log time of the source record' CODEC(Delta(8), ZSTD(1)),
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
    INDEX event_time_range event_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toMonday(record_time)
ORDER BY (tenant, stream, topic, partition, offset, role, item)
TTL toDateTime(record_time) + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
