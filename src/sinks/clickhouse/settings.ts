import { limits } from '../../base/limits.js'

/** What every insert asks of ClickHouse, wherever it runs. */
export const insertSettings = {
  /** An acknowledged insert is in the table, not in a queue. */
  async_insert: 0,
  /**
   * A replicated table drops an insert whose bytes it has seen lately, even where their rows were deleted since; what
   * was acknowledged would then be missing. The tables fold copies themselves.
   */
  insert_deduplicate: 0,
  /** Copies fold on merge and under FINAL; folding each new part as well doubles the cost of an insert. */
  optimize_on_insert: 0,
  /** A backfill's batch may span two years of weekly partitions. */
  max_partitions_per_insert_block: 110,
} as const

/** What every query asks of it. */
export const querySettings = {
  max_execution_time: limits.warehouseQueryTimeSeconds,
  /** Copies of a row have one record time, hence one partition. */
  do_not_merge_across_partitions_select_final: 1,
  use_skip_indexes_if_final: 1,
  output_format_json_quote_64bit_integers: 0,
} as const
