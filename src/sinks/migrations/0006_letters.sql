-- What set a letter aside, how often its event was redriven, and where the event first became one.
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS version LowCardinality(String) COMMENT 'build and plan that set it aside';
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS attempts UInt16 COMMENT 'how often it was redriven before' CODEC(ZSTD(1));
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS origin_offset Int64 DEFAULT source_offset COMMENT 'where the event first became a letter' CODEC(Delta(8), ZSTD(1));
