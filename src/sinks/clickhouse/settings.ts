import { limits } from '../../base/limits.js'

/** ClickHouse settings of every insert. */
export const insertSettings = {
  /** An acknowledged insert is in the table, not in a queue. */
  async_insert: 0,
  /**
   * With 1, a replicated table drops an insert with the bytes of a recent one, even when those rows were deleted since,
   * so acknowledged rows would be missing. The tables merge duplicates themselves.
   */
  insert_deduplicate: 0,
  /**
   * Duplicates disappear on merge and under FINAL; removing them in each new part too doubles the cost of an insert.
   */
  optimize_on_insert: 0,
} as const

/** ClickHouse settings of every query. */
export const querySettings = {
  max_execution_time: limits.warehouseQueryTimeSeconds,
  /** A row and its repeat have the same table partition: see `stamps.ts` in consumers/warehouse. */
  do_not_merge_across_partitions_select_final: 1,
  use_skip_indexes_if_final: 1,
  /** The engine's own queries ask for numbers of at most 53 bits. */
  output_format_json_quote_64bit_integers: 0,
} as const
