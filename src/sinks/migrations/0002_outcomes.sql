-- The truth about predictions, as it arrived. All that came for an event are kept; the latest by arrival counts.
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
    record_time DateTime64(3, 'UTC') COMMENT 'when it arrived' CODEC(Delta(8), ZSTD(1)),
    decided_by String COMMENT 'id of the API key, empty for a producer of its own' CODEC(ZSTD(1)),
    note String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toStartOfMonth(record_time)
ORDER BY (tenant, stream, event_id, topic, partition, offset)
TTL toDateTime(record_time) + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
