import { warehouseLimits } from './warehouse-limits.js'

/**
 * Every bound of the engine, each with the calculation that justifies it. A queue, cache, batch or retry without a
 * bound from this list is a defect.
 */
export const limits = {
  /**
   * A chunk of 2,000 events of ~0.3 KiB has ~0.6 MiB. One ONNX run of 2,000 rows takes ~13 ms, which is far below every
   * latency target.
   */
  chunkRecords: 2_000,
  chunkBytes: 4 * 1024 * 1024,
  /**
   * A chunk costs ~0.3 ms of CPU even when it holds one record. So chunks below 64 records start with a pause between
   * them: 0.5 ms for each partition of the process, at least 2 ms and at most 5 ms. Four partitions then use at most
   * 0.6 of a core, and the 16 partitions of four streams use one core.
   */
  smallChunk: { records: 64, partitionMs: 0.5, leastMs: 2, mostMs: 5 },
  /** 4 streams x 4 partitions x 2 chunks x 2,000 records x ~0.5 KiB = 32 MiB at worst. */
  chunksInFlight: 2,
  /** The engine commits state no more often than this. After a crash it folds at most this much again. */
  commitIntervalMs: 200,
  /** Under load, commits are delayed until they take at most a tenth of the time, but never longer than this. */
  commitIntervalMaxMs: 2_000,
  /** Entities that one partition keeps decoded in memory: 50,000 x ~1 KiB = 50 MiB for a busy partition. */
  cachedEntities: 50_000,
  /** Blobs that one sweep for expired state checks. It takes ~5 ms of the event loop with LMDB, or ~5 ms of Redis. */
  sweepEntries: 2_000,
  /**
   * A partition is swept no more often than this, so sweeps take at most 0.5 % of the time. Sweeps check 1,000,000
   * blobs in ~8 minutes.
   */
  sweepIntervalMs: 1_000,
  /** Sources whose clocks ran ahead, of which a process keeps the last ones for a day: 1,000 x ~200 B. */
  clocksAhead: 1_000,
  clocksAheadMs: 24 * 3_600_000,
  /** An owner without new events checks at this interval that its state still exists: one read of two small keys. */
  ownedStateCheckMs: 5_000,
  /**
   * A state server that has not answered for this long counts as unreachable. The largest commit (50,000 blobs) takes
   * 2 s on a machine with six times its normal load; this is five times as long.
   */
  storeTimeoutMs: 10_000,
  /** The longest pause between two attempts to reach the state server again. The first pause is 50 ms. */
  storeReconnectMs: 1_000,
  /** Event ids that a partition remembers to find duplicates: 200,000 x 16 B = 3.2 MiB. */
  seenIds: 200_000,
  /**
   * A partition stops when more than a fifth of its last 1,000 records are bad. A broken schema then costs 201 dead
   * letters per partition, and a producer with a few bad records stops no partition. Memory: 1 B per record.
   */
  badShare: 0.2,
  badShareRecords: 1_000,
  /** Dead letters that one request reads: ~6 us each, 0.12 s in all. The answer names the place to continue from. */
  deadLetterScan: 20_000,
  /**
   * A page of dead letters is submitted again within seconds. A process that has not finished after this long has
   * failed.
   */
  redriveTakesMs: 300_000,
  /** The routing may be behind the other decisions while it loads a model. Its readers ask again after this pause. */
  routingPollMs: 20,
  /**
   * A chunk with unknown tenants waits this long at most for decisions that this process has not read. It reads them
   * within ~10 ms, unless it loads a model meanwhile.
   */
  decisionsWaitMs: 2_000,
  /** The largest event; larger ones become dead letters. The largest real event (a sync batch) has ~20 KiB. */
  eventBytes: 256 * 1024,
  /**
   * A record that is larger than this, with key and headers, is cut in its dead letter: half of the largest append. A
   * producer's compressed batch may hold a record of many times the size of any append.
   */
  deadLetterBytes: 4 * 1024 * 1024,
  /** What a cut dead letter keeps of key and value, enough to find the producer. */
  cutDeadLetterBytes: 64 * 1024,
  /** The largest append to the log. Topics in Kafka get a `max.message.bytes` that admits one block of this size. */
  appendBytes: 8 * 1024 * 1024,
  /**
   * With less free space than this, the disk of a data directory is full within hours: the raw events and predictions
   * of a busy day take a few GiB.
   */
  leastFreeBytes: 2 * 1024 ** 3,
  /**
   * Appends that wait for the disk of one partition: two of the largest size, about one second of a slow disk. The log
   * refuses further appends.
   */
  queuedAppendBytes: 16 * 1024 * 1024,
  /** A segment file ends at this size. Retention removes whole files, so it frees space in steps of this size. */
  segmentBytes: 128 * 1024 * 1024,
  ...warehouseLimits,
  /**
   * Writers' schemas kept in memory, for all streams together. A topic has as many as its schema has versions. 200 x
   * ~100 KiB compiled = 20 MiB.
   */
  cachedSchemas: 200,
  /**
   * A registry answers in ~5 ms. One that takes longer than this counts as unreachable, and the request is repeated. A
   * schema and the schemas it refers to share this time.
   */
  registryTimeoutMs: 5_000,
  /** How long a command that registers schemas repeats its requests while the registry is busy or just starting. */
  registryWaitMs: 10_000,
  /**
   * Requests to the registry at once. A chunk of 2,000 records with 2,000 invented ids causes 2,000 requests of ~5 ms:
   * eight at a time they take about a second.
   */
  registryRequests: 8,
  /** The largest schema in use has ~100 KiB. A larger answer than this does not come from a registry. */
  registryAnswerBytes: 1024 * 1024,
  /**
   * An id counts as unknown when the registry has answered so twice, with this pause between: its replicas receive a
   * new schema a moment later.
   */
  registrySecondCheckMs: 1_000,
  /** An unknown id stays unknown for this long, so that bad producers do not cause requests. */
  unknownSchemaMs: 60_000,
  /** ONNX sessions kept in memory: a model of 700 KiB takes ~3 MiB, so 64 take ~192 MiB. */
  cachedSessions: 64,
  /**
   * How long a model may block the main thread: ~10 rows of 300 trees. Waking the model's thread costs ~0.1 ms.
   */
  inlineRunMs: 0.5,
  /**
   * Answered predictions that are not in the log yet: 5,000 x ~1 KiB = 5 MiB. Above it, callers wait for the disk.
   */
  unloggedPredictions: 5_000,
  /**
   * A record with a piece of a model, including key and headers, fits twice into Kafka's default limit of 1 MiB. A
   * model of 700 KiB has two pieces.
   */
  modelPieceBytes: 512 * 1024,
  /**
   * The largest model in use has 300 trees and 0.7 MiB. A model of 64 MiB has 128 pieces and is held in memory twice
   * while the pieces are joined.
   */
  modelBytes: 64 * 1024 * 1024,
  /**
   * How long the engine waits at its start for a server. Brokers and databases that start together with the engine
   * answer within a minute; after that, the configuration is wrong.
   */
  startRetryMs: 60_000,
  /** How often in a row a worker that died is started again. After that a person must find the cause. */
  workerRestarts: 3,
  /** The pause between two starts, so that a broker or a disk can recover. */
  workerRestartDelayMs: 1_000,
  /** A worker that ran for this long died of a new cause: its restarts count from 0 again. A start takes a tenth. */
  workerSteadyMs: 60_000,
  /** A worker finishes its chunks, commits and leaves its group within seconds. After this long it is killed. */
  workerStopMs: 30_000,
  /** Only the API times out. The log path waits, so that a replay gives the same score. */
  apiScoreTimeoutMs: 1_000,
  /** Events in one ingest or predict request. */
  apiBatch: 1_000,
  apiBodyBytes: 8 * 1024 * 1024,
  /**
   * Bodies of the requests in flight: eight of the largest size, or 1,000 requests of 64 KiB. Above either limit the
   * API answers 503.
   */
  apiInFlightBytes: 64 * 1024 * 1024,
  apiInFlightRequests: 1_000,
  /** A request must arrive whole within this time, so that slow senders cannot hold connections. */
  apiReceiveTimeoutMs: 30_000,
  /** Ten times as long as the slowest answer takes. A stop does not wait longer for callers that do not read. */
  apiCloseTimeoutMs: 10_000,
  /** Rows of one page of a query. */
  apiPage: 1_000,
  /** A request waits no longer than this for a prediction. Load balancers cut idle requests after 60 s. */
  apiWaitMs: 30_000,
  /** Requests that wait at once. Each reads the warehouse once per second: 50 x ~5 ms = a quarter of a core. */
  apiWaiting: 50,
  /** Rows of the answer to a SQL query that a person wrote: 10,000 rows of 24 features are ~4 MiB of JSON. */
  sqlRows: 10_000,
  /** Bytes of the same answer in the engine's memory, before it becomes text. */
  sqlAnswerBytes: 32 * 1024 * 1024,
  /**
   * What a Kafka broker sends for one partition at once: ~3,500 events of 300 B, or the blocks of two chunks. A reader
   * holds one answer, which takes at most twice its size, and may have one more in flight: 64 readers x 3 x 1 MiB =
   * 192 MiB at worst.
   */
  fetchBytes: 1024 * 1024,
  /**
   * How long a Kafka broker delays its answer while there is no new record. All delays end at the same moments, so all
   * idle readers together send two requests a second.
   */
  fetchWaitMs: 500,
  /**
   * How long the API remembers which partitions hold events of other partitions' keys. State is read a commit interval
   * late anyway; with 16 partitions this costs at most 64 reads a second for each stream.
   */
  straysKnownMs: 250,
  /** Records of one batch after decompression: ten times the largest append. More is an attack or damage. */
  inflatedBytes: 80 * 1024 * 1024,
  /** A broker answers within milliseconds, or within seconds during a long garbage collection. */
  brokerTimeoutMs: 10_000,
  /**
   * Failed tries in a row after which the client gives up on a broker that it can reach. Three times 10 s is longer
   * than any election.
   */
  brokerTries: 3,
  /**
   * How long requests about topics wait for brokers that are only slow; ten times the usual timeout needs an operator.
   * After so many checks, with a pause before each, whether brokers show a change, the change is repeated.
   */
  topics: { waitMs: 120_000, pauseMs: 100, checks: 20 },
  /**
   * The pauses between tries are 100, 200, 400 ms and so on, so that a broker is found soon after a rolling restart.
   */
  brokerDelayMs: 100,
  brokerDelayMaxMs: 3_000,
  /** A member that sends no heartbeat for this long loses its partitions: ten heartbeats. */
  sessionTimeoutMs: 10_000,
  heartbeatMs: 1_000,
  /** A member needs at most one heartbeat and one election to join again. This is ten times as long. */
  rebalanceTimeoutMs: 60_000,
  /**
   * A replay that is interrupted repeats at most this much. Entities that change meanwhile stay in memory: 5 s x 30,000
   * events/s x ~1 KiB = 150 MiB at worst.
   */
  replayCommitMs: 2_000,
  replayCommitMaxMs: 5_000,
  /**
   * An event time that is further ahead of its record's log time than this is refused: clocks of phones are wrong by
   * minutes, not hours.
   */
  futureMs: 60 * 60 * 1000,
} as const
