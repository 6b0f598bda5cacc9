-- Raw events, byte for byte as producers sent them, for training and audit. Can be switched off.
CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String) COMMENT 'header tenant, or the key of the record',
    stream LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    event_id String COMMENT 'header event_id, empty where the producer set none' CODEC(ZSTD(1)),
    record_time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    key String CODEC(ZSTD(1)),
    format LowCardinality(String) COMMENT 'json | avro',
    value String CODEC(ZSTD(3)),
    INDEX event_id_bloom event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(record_time)
ORDER BY (tenant, topic, partition, offset)
TTL toDateTime(record_time) + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Records that could not be scored, with the reason. The origin identifies one: a repeat after a crash is the same letter.
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
    record_time DateTime64(3, 'UTC') COMMENT 'log time of the source record' CODEC(Delta(8), ZSTD(1)),
    code LowCardinality(String),
    stage LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    key String CODEC(ZSTD(1)),
    value String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(record_time)
ORDER BY (stream, source_topic, source_partition, source_offset)
TTL toDateTime(record_time) + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
