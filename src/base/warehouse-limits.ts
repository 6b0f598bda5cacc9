/** Limits of the warehouse flow and of backups, a part of `limits`. */
export const warehouseLimits = {
  /** Rows of one warehouse insert: 50,000 x ~200 B = 10 MiB. Few large parts keep ClickHouse's merges cheap. */
  insertRows: 50_000,
  insertBytes: 32 * 1024 * 1024,
  /** A batch is inserted at this age even if it is not full, so dashboards are at most about a second behind. */
  insertDelayMs: 500,
  /**
   * A small insert costs ~20 ms of CPU even when it holds one row. So inserts are delayed until they take at most a
   * tenth of the time, but never longer than this.
   */
  insertDelayMaxMs: 2_000,
  /**
   * Over a slow connection of 1 MiB/s the largest insert takes 32 s, and a server that throttles inserts adds seconds.
   * After this long the insert is repeated.
   */
  warehouseInsertTimeoutMs: 60_000,
  /** The server ends a query after 30 s. The client waits 5 s longer, for the network. */
  warehouseQueryTimeSeconds: 30,
  warehouseQueryTimeoutMs: 35_000,
  /** A migration may copy a week of a table: 500 million rows at ~0.5 million a second. */
  warehouseStatementTimeoutMs: 1_200_000,
  /** A reachable server answers in a fraction of a second. Without an answer, the engine starts without the server. */
  warehouseStartMs: 5_000,
  /** Each of six tables has at most one insert in flight; two connections are left for the API, whose queries queue. */
  warehouseConnections: 8,
  /**
   * What one partition holds in memory for its table: 4 streams x 4 partitions x 2 tables x 4 MiB = 128 MiB while the
   * warehouse is unreachable.
   */
  insertReadRecords: 25_000,
  insertReadBytes: 4 * 1024 * 1024,
  /** The engine writes progress no more often than this. After a crash it stores at most this much again. */
  progressIntervalMs: 2_000,
  /** This long after an owner died its last insert has ended: an insert takes at most a minute. */
  insertEndsMs: 600_000,
  /**
   * The pauses between attempts to store rows that the warehouse refuses. Merges that are behind need seconds. After
   * the last attempt the partition is stopped.
   */
  refusedPausesMs: [1_000, 4_000, 10_000, 0],
  /** A stopped partition tries its refused rows again this often: one insert a minute. */
  refusedRetryMs: 60_000,
  /** How often a caller checks a running backup. The smallest backup takes ~100 ms. */
  backupPollMs: 100,
  /**
   * An engine drops what it holds for a backup after this long without a request for it. It is ten times the pause
   * between two requests.
   */
  backupLeaseMs: 60_000,
  /** How long a key that a backup creates for itself is valid: at 20 MB/s that is enough for 1.7 TB. */
  backupKeyMs: 24 * 60 * 60 * 1000,
} as const
