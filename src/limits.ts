/**
 * Every bound of the engine, each with the sum that justifies it. A queue, cache, batch or retry that is not bounded
 * by one of these is a defect.
 */
export const limits = {
  /** A chunk of 2,000 events of ~0.3 KiB is ~0.6 MiB; one ONNX run of 2,000 rows takes ~13 ms, so a chunk never hides a latency target. */
  chunkRecords: 2_000,
  chunkBytes: 4 * 1024 * 1024,
  /** 4 streams x 4 partitions x 2 chunks x 2,000 records x ~0.5 KiB = 32 MiB at worst. */
  chunksInFlight: 2,
  /** State is committed no more often than this; a crash folds at most this much again. */
  commitIntervalMs: 200,
  /** Under load a commit waits until it costs at most a tenth of the time, but never longer than this. */
  commitIntervalMaxMs: 2_000,
  /** Entities of one partition kept decoded in memory: 50,000 x ~1 KiB = 50 MiB a busy partition. */
  cachedEntities: 50_000,
  /** Blobs that one sweep for expired state looks at: ~5 ms of the event loop with LMDB, ~5 ms of Redis. */
  sweepEntries: 2_000,
  /** A partition is swept no more often than this, so sweeping takes at most 0.5 % of the time; 1,000,000 blobs are gone round in ~8 minutes. */
  sweepIntervalMs: 1_000,
  /** A state server that has not answered for so long is away: five times what the largest commit (50,000 blobs) takes on a machine six times overloaded, 2 s. */
  storeTimeoutMs: 10_000,
  /** The longest pause between two attempts to reach it again; the first follows after 50 ms. */
  storeReconnectMs: 1_000,
  /** Event ids remembered per partition for duplicates: 200,000 x 16 B = 3.2 MiB. */
  seenIds: 200_000,
  /** One event at most; larger ones are dead letters. The largest real event (a sync batch) is ~20 KiB. */
  eventBytes: 256 * 1024,
  /** An append to the log at most (also Kafka's customary `max.message.bytes` for one block). */
  appendBytes: 8 * 1024 * 1024,
  /** Appends that wait for a partition's disk: the two largest possible, about a second of a slow disk. More are refused. */
  queuedAppendBytes: 16 * 1024 * 1024,
  /** A segment file is rolled at this size, so retention frees space in such steps. */
  segmentBytes: 128 * 1024 * 1024,
  /** Rows of one warehouse insert: 50,000 x ~200 B = 10 MiB; fewer, larger parts keep merges cheap. */
  insertRows: 50_000,
  insertBytes: 32 * 1024 * 1024,
  /** A batch is inserted when it is this old, full or not: dashboards are at most about a second behind. */
  insertDelayMs: 500,
  /** A small insert costs ~20 ms of CPU whatever is in it, so inserts wait until they take a tenth of the time, but never longer than this. */
  insertDelayMaxMs: 2_000,
  /** What one partition holds for its table: 4 streams x 4 partitions x 2 tables x 4 MiB = 128 MiB while the warehouse is away. */
  insertReadRecords: 25_000,
  insertReadBytes: 4 * 1024 * 1024,
  /** Progress is written no more often than this; a crash stores at most this much again. */
  progressIntervalMs: 2_000,
  /** ONNX sessions kept: a 700 KiB model takes ~3 MiB loaded. */
  cachedSessions: 64,
  /** The API alone times out; the log path waits, so that a replay gives the same score. */
  apiScoreTimeoutMs: 1_000,
  /** Events in one ingest or predict request. */
  apiBatch: 1_000,
  apiBodyBytes: 8 * 1024 * 1024,
  /** Bodies of requests under way: eight of the largest, or all 1,000 requests at 64 KiB. Beyond either: 503, come again. */
  apiInFlightBytes: 64 * 1024 * 1024,
  apiInFlightRequests: 1_000,
  /** A request must have arrived whole by then, so that slow senders cannot hold connections. */
  apiReceiveTimeoutMs: 30_000,
  /** Ten times what the slowest answer takes; a stop should not wait for callers that do not read. */
  apiCloseTimeoutMs: 10_000,
  /** Rows of one page of a query. */
  apiPage: 1_000,
  /** Event times further ahead of the record's own time than this are refused: clocks of phones are off by minutes, not hours. */
  futureMs: 60 * 60 * 1000,
} as const
