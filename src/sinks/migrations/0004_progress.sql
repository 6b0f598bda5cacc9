-- How far each table has been filled, by source partition. Written after the insert it speaks of, never before.
CREATE TABLE IF NOT EXISTS progress
(
    table_name LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    next UInt64 COMMENT 'next position to read',
    covered Int64 COMMENT 'last source offset that blocks before next cover; -1 for none',
    epoch Int64 COMMENT 'highest epoch before next',
    written_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (table_name, topic, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
