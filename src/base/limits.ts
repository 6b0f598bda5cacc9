/**
 * Every bound of the engine, each with the sum that justifies it. A queue, cache, batch or retry that is not bounded
 * by one of these is a defect.
 */
export const limits = {
  /**
   * A chunk of 2,000 events of ~0.3 KiB is ~0.6 MiB; one ONNX run of 2,000 rows takes ~13 ms, so a chunk never hides a
   * latency target.
   */
  chunkRecords: 2_000,
  chunkBytes: 4 * 1024 * 1024,
  /**
   * A chunk costs ~0.3 ms of CPU whatever is in it, so chunks below 64 records start apart: half a millisecond for each
   * partition of the process, so that four take 0.6 of a core at most, and the 16 of four streams a whole one.
   */
  smallChunk: { records: 64, partitionMs: 0.5, leastMs: 2, mostMs: 5 },
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
  /**
   * A partition is swept no more often than this, so sweeping takes at most 0.5 % of the time; 1,000,000 blobs are gone
   * round in ~8 minutes.
   */
  sweepIntervalMs: 1_000,
  /** An owner to whom nothing comes looks so often whether its state is still there: one read of two small keys. */
  ownedStateCheckMs: 5_000,
  /**
   * A state server that has not answered for so long is away: five times what the largest commit (50,000 blobs) takes
   * on a machine six times overloaded, 2 s.
   */
  storeTimeoutMs: 10_000,
  /** The longest pause between two attempts to reach it again; the first follows after 50 ms. */
  storeReconnectMs: 1_000,
  /** Event ids remembered per partition for duplicates: 200,000 x 16 B = 3.2 MiB. */
  seenIds: 200_000,
  /**
   * A fifth of the last 1,000 records: a schema that breaks costs 201 letters a partition, a producer with some bad
   * records stops nobody. 1 B each.
   */
  badShare: 0.2,
  badShareRecords: 1_000,
  /** DeadLetters that one question looks at, ~6 us each: an eighth of a second, and then it says where to go on. */
  deadLetterScan: 20_000,
  /**
   * A page of letters is sent in again within seconds; a process that began it and is not done after so long never will
   * be.
   */
  redriveTakesMs: 300_000,
  /** One event at most; larger ones are dead letters. The largest real event (a sync batch) is ~20 KiB. */
  eventBytes: 256 * 1024,
  /** An append to the log at most (also Kafka's customary `max.message.bytes` for one block). */
  appendBytes: 8 * 1024 * 1024,
  /** Below this a data directory's disk is full within hours: a busy day of raw events and predictions is some GiB. */
  leastFreeBytes: 2 * 1024 ** 3,
  /**
   * Appends that wait for a partition's disk: the two largest possible, about a second of a slow disk. More are
   * refused.
   */
  queuedAppendBytes: 16 * 1024 * 1024,
  /** A segment file is rolled at this size, so retention frees space in such steps. */
  segmentBytes: 128 * 1024 * 1024,
  /** Rows of one warehouse insert: 50,000 x ~200 B = 10 MiB; fewer, larger parts keep merges cheap. */
  insertRows: 50_000,
  insertBytes: 32 * 1024 * 1024,
  /** A batch is inserted when it is this old, full or not: dashboards are at most about a second behind. */
  insertDelayMs: 500,
  /**
   * A small insert costs ~20 ms of CPU whatever is in it, so inserts wait until they take a tenth of the time, but
   * never longer than this.
   */
  insertDelayMaxMs: 2_000,
  /**
   * Over a slow line, 1 MiB/s, the largest insert takes 32 s; a server that throttles inserts adds seconds. Then it is
   * repeated.
   */
  warehouseInsertTimeoutMs: 60_000,
  /** The server ends a query itself after 30 s; the rest is for the way. */
  warehouseQueryTimeSeconds: 30,
  warehouseQueryTimeoutMs: 35_000,
  /** A migration or a changed retention touches every part of a table. */
  warehouseStatementTimeoutMs: 120_000,
  /** A server that is there answers in a fraction of a second; the engine starts without one that does not. */
  warehouseStartMs: 5_000,
  /** Six tables have one insert under way at most; pages of the API wait for their turn rather than for the server. */
  warehouseConnections: 8,
  /**
   * What one partition holds for its table: 4 streams x 4 partitions x 2 tables x 4 MiB = 128 MiB while the warehouse
   * is away.
   */
  insertReadRecords: 25_000,
  insertReadBytes: 4 * 1024 * 1024,
  /** Progress is written no more often than this; a crash stores at most this much again. */
  progressIntervalMs: 2_000,
  /** How often a backup under way is looked at: one of the smallest takes ~100 ms. */
  backupLookMs: 100,
  /**
   * What an engine holds for a backup that nobody has asked for in so long was given up: ten times the pause between
   * two questions.
   */
  backupLeaseMs: 60_000,
  /** A key that a backup makes itself is good for so long: at 20 MB/s that is 1.7 TB. */
  backupKeyMs: 24 * 60 * 60 * 1000,
  /**
   * Schemas of writers kept, for all streams: a topic meets as many as its schema has versions; 200 x ~100 KiB compiled
   * = 20 MiB.
   */
  cachedSchemas: 200,
  /**
   * A registry answers in ~5 ms; one that takes longer than this is away, and asked again. A schema and what it refers
   * to count together.
   */
  registryTimeoutMs: 5_000,
  /**
   * A chunk of 2,000 records with as many invented ids is 2,000 requests of ~5 ms: in lanes of eight they take about a
   * second.
   */
  registryRequests: 8,
  /** The largest schema in use is ~100 KiB; an answer beyond this is none of a registry. */
  registryAnswerBytes: 1024 * 1024,
  /**
   * An id is unknown only when the registry says so twice, this far apart: its replicas learn of a new schema a moment
   * later.
   */
  registrySecondLookMs: 1_000,
  /** And is then unknown for this long, so that bad producers do not become requests. */
  unknownSchemaMs: 60_000,
  /** ONNX sessions kept: a 700 KiB model takes ~3 MiB loaded. */
  cachedSessions: 64,
  /**
   * The main thread may stand still this long for a model: ~10 rows of 300 trees. To wake the model's thread costs ~0.1
   * ms.
   */
  inlineRunMs: 0.5,
  /** Answered predictions that are not in the log yet: 5,000 x ~1 KiB = 5 MiB. Beyond it callers wait for the disk. */
  unloggedPredictions: 5_000,
  /**
   * A record with a piece of a model, key and headers included, fits Kafka's customary 1 MiB twice: 700 KiB are two
   * pieces.
   */
  modelPieceBytes: 512 * 1024,
  /**
   * The largest model in sight has 300 trees and 0.7 MiB; one of 64 MiB is 128 pieces, and is held twice while it is
   * put together.
   */
  modelBytes: 64 * 1024 * 1024,
  /**
   * Brokers and databases that are started together with the engine are up within a minute; after that it is a mistake.
   */
  startPatienceMs: 60_000,
  /** A worker that dies is started again so often in a row; then it is no accident, and a person must look. */
  workerRestarts: 3,
  /** Time for a broker or a disk to come back between two starts. */
  workerRestartDelayMs: 1_000,
  /** A worker that has lived for so long died of something new: ten times what a start takes. */
  workerSteadyMs: 60_000,
  /** A worker finishes its chunks, commits and leaves its group within seconds; after so long it is ended. */
  workerStopMs: 30_000,
  /** The API alone times out; the log path waits, so that a replay gives the same score. */
  apiScoreTimeoutMs: 1_000,
  /** Events in one ingest or predict request. */
  apiBatch: 1_000,
  apiBodyBytes: 8 * 1024 * 1024,
  /**
   * Bodies of requests under way: eight of the largest, or all 1,000 requests at 64 KiB. Beyond either: 503, come
   * again.
   */
  apiInFlightBytes: 64 * 1024 * 1024,
  apiInFlightRequests: 1_000,
  /** A request must have arrived whole by then, so that slow senders cannot hold connections. */
  apiReceiveTimeoutMs: 30_000,
  /** Ten times what the slowest answer takes; a stop should not wait for callers that do not read. */
  apiCloseTimeoutMs: 10_000,
  /** Rows of one page of a query. */
  apiPage: 1_000,
  /** Rows of an answer to a person's SQL; 10,000 rows of 24 features are ~4 MiB of JSON. */
  sqlRows: 10_000,
  /** Of the same, as the engine holds it before it is text. */
  sqlAnswerBytes: 32 * 1024 * 1024,
  /**
   * A Kafka broker's answer about one partition: ~3,500 events of 300 B, or the blocks of two chunks. A reader holds
   * one, which keeps at most twice its size in memory, and may have one under way: 64 readers x 3 x 1 MiB = 192 MiB at
   * worst.
   */
  fetchBytes: 1024 * 1024,
  /**
   * A Kafka broker holds a question back this long while there is nothing new. Idle readers come to ask together: twice
   * a second, however many they are.
   */
  fetchWaitMs: 500,
  /** Compressed records are at most ten times larger than what a broker takes at once; more is an attack or damage. */
  inflatedBytes: 80 * 1024 * 1024,
  /** A broker that answers takes milliseconds, at worst the seconds of a long collection of garbage. */
  brokerTimeoutMs: 10_000,
  /**
   * Failed tries in a row before a broker that can be reached is given up: three times 10 s is more than any election
   * takes.
   */
  brokerTries: 3,
  /**
   * Between tries: 100, 200, 400 ms and so on, so that the broker of a test and of a rolling restart are found soon.
   */
  brokerDelayMs: 100,
  brokerDelayMaxMs: 3_000,
  /** A member that is silent for this long has lost its partitions: ten heartbeats. */
  sessionTimeoutMs: 10_000,
  heartbeatMs: 1_000,
  /** Members take up to a heartbeat and an election to join again, so ten times that. */
  rebalanceTimeoutMs: 60_000,
  /**
   * A replay that is interrupted repeats at most this much; entities changed meanwhile stay in memory: 5 s x 30,000
   * events/s x ~1 KiB = 150 MiB at worst.
   */
  replayCommitMs: 2_000,
  replayCommitMaxMs: 5_000,
  /**
   * Event times further ahead of the record's own time than this are refused: clocks of phones are off by minutes, not
   * hours.
   */
  futureMs: 60 * 60 * 1000,
} as const
