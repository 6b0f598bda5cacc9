/**
 * The files of src without a test file of their own name, by the test file that exercises them: owner, folder, files.
 * A file is named without `.ts`. owners.unit.test.ts keeps the list true.
 */
export const owners: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'test/api/http/access.int.test.ts': { 'src/api': 'api', 'src/api/http': 'auth' },
  'test/api/http/openapi.int.test.ts': {
    'src/api/http': 'context event-schema shapes',
    'src/api/routes': 'partitions sql',
  },
  'test/api/http/problems.int.test.ts': { 'src/api/http': 'refuse validate' },
  'test/api/http/socket.int.test.ts': { 'src/api/http': 'admission listen', 'src/base': 'limits' },
  'test/api/keys/key-file.int.test.ts': { 'src/api/routes': 'keys' },
  'test/api/routes/dead-letters.int.test.ts': { 'src/api/routes': 'dead-letter-shapes' },
  'test/api/routes/health.int.test.ts': { 'src/api/http': 'metrics' },
  'test/api/routes/predict.int.test.ts': { 'src/api/http': 'batch', 'src/api/routes': 'predict-conflict' },
  'test/api/routes/reads.int.test.ts': { 'src/api/http': 'times', 'src/api/routes': 'features predictions streams' },
  'test/cli/backup/backup.int.test.ts': {
    'src/cli/backup': 'create holder',
    'src/cli/terminal': 'ask',
    'src/compose': 'replays',
    'src/consumers/backup': 'create files gather-data gather-files manifest restore verify',
    'src/log/local': 'check',
  },
  'test/cli/client/client.int.test.ts': {
    'src/cli/client': 'beside-engine',
    'src/cli/events': 'produce score simulate',
    'src/cli/reads': 'features predictions sql streams',
    'src/compose': 'tasks',
    'src/consumers/scoring': 'score-file score-lines',
  },
  'test/cli/dlq/dlq.int.test.ts': { 'src/cli/dlq': 'actions rows' },
  'test/cli/doctor/doctor-cluster.int.test.ts': {
    'src/base': 'failure',
    'src/cli/doctor': 'cluster-checks local-checks position-checks store-checks',
    'src/compose': 'flows routing',
  },
  'test/cli/process.e2e.test.ts': { src: 'main', 'src/base': 'lifecycle', 'src/cli': 'launch.cts' },
  'test/cli/program.unit.test.ts': {
    'src/base': 'errors',
    'src/cli/bench': 'bench benchmarks',
    'src/cli/terminal': 'exit options terminal',
    'src/compose': 'presets',
  },
  'test/cli/servers/schemas.int.test.ts': { 'src/streams/registry': 'schema-report' },
  'test/cli/start/start.unit.test.ts': { 'src/cli/start': 'live-table' },
  'test/cli/start/workers.int.test.ts': { 'src/cli/start': 'worker' },
  'test/cli/tutorial.e2e.test.ts': { 'src/consumers/serving': 'demo' },
  'test/config/config.unit.test.ts': { 'src/config': 'describe load settings sources' },
  'test/consumers/backup/holding.int.test.ts': { 'src/log': 'log-files' },
  'test/consumers/control/control.int.test.ts': {
    'src/consumers/control': 'decision fold follower routes routing',
    'src/consumers/control/kinds': 'accept activate deactivate index kind replay resume scope stop',
    'src/consumers/ground': 'follow topic-names',
  },
  'test/consumers/control/stops-cluster.int.test.ts': {
    'src/consumers/control': 'stops-fold',
    'src/consumers/control/kinds': 'place',
    'src/contracts': 'ports',
  },
  'test/consumers/control/stops.int.test.ts': { 'src/consumers/control': 'accepted' },
  'test/consumers/dead-letters/dead-letters.int.test.ts': { 'src/contracts': 'dead-letters' },
  'test/consumers/dead-letters/redrive.int.test.ts': { 'src/consumers/dead-letters': 'marks pages trial view walk' },
  'test/consumers/models/model-travel.int.test.ts': {
    'src/consumers/models': 'bundled reading',
    'src/scorers': 'model-keeping',
  },
  'test/consumers/models/topic.int.test.ts': { 'src/consumers/models': 'pieces' },
  'test/consumers/replay/backtest-kafka.int.test.ts': {
    'src/consumers/control': 'guarded',
    'src/consumers/ground': 'owned',
    'src/log/blocks': 'build',
  },
  'test/consumers/replay/backtest.int.test.ts': {
    'src/consumers/ground': 'block-rows',
    'src/consumers/replay':
      'backtest-compare backtest-directory backtest-model outcome-labels replay replay-routing replay-span',
  },
  'test/consumers/replay/certify.int.test.ts': {
    'src/consumers/control': 'serving',
    'src/consumers/replay': 'certificate dead-letters-of-span result-digest result-tally',
  },
  'test/consumers/replay/run-results.int.test.ts': { 'src/consumers/replay': 'run-upload', 'src/contracts': 'runs' },
  'test/consumers/scoring/partition-gate.int.test.ts': {
    'src/consumers/ground': 'dead-letter dead-letter-record retry',
  },
  'test/consumers/scoring/put-back.int.test.ts': {
    'src/consumers/ground': 'claim-checks',
    'src/consumers/scoring': 'dependencies folding work',
  },
  'test/consumers/scoring/rebuild.int.test.ts': { 'src/consumers/scoring': 'rebuilds' },
  'test/consumers/scoring/recovery.int.test.ts': {
    'src/consumers/ground': 'claim',
    'src/consumers/scoring': 'partition',
  },
  'test/consumers/scoring/registry.int.test.ts': { 'src/consumers/ground': 'decode' },
  'test/consumers/scoring/scoring.int.test.ts': { 'src/consumers/ground': 'topics' },
  'test/consumers/scoring/store.int.test.ts': { 'src/consumers/scoring': 'progress' },
  'test/consumers/serving/serve.int.test.ts': { 'src/consumers/serving': 'predict prediction-log' },
  'test/consumers/warehouse/tracker.unit.test.ts': { 'src/consumers/warehouse': 'progress' },
  'test/consumers/warehouse/warehouse.int.test.ts': {
    'src/consumers/warehouse': 'feeds predictions',
    'src/sinks': 'dictionary',
  },
  'test/drive/drive.unit.test.ts': { 'src/consumers/scoring': 'folded-chunk' },
  'test/e2e/backtest.e2e.test.ts': {
    'src/cli/backtest': 'backtest run-results store text',
    'src/cli/replay': 'live replay',
    'src/cli/report': 'backtest-report chart markup plots style',
    'src/cli/terminal': 'progress progress-bar',
  },
  'test/e2e/backup-cluster.e2e.test.ts': { 'src/consumers/backup': 'cluster topic-copy' },
  'test/e2e/backup.e2e.test.ts': {
    'src/compose': 'backups',
    'src/consumers/models': 'scored-with',
    'src/sinks': 'warehouse-backup',
  },
  'test/e2e/disk-full.e2e.test.ts': { 'src/base': 'disk', 'src/cli/reads': 'partitions' },
  'test/e2e/engine.e2e.test.ts': {
    'src/compose': 'engine foundation opening served tenants',
    'src/consumers/ground': 'schedule',
    'src/consumers/serving': 'ingest',
    'src/consumers/watch': 'dependencies gauges lag observation partitions-port readiness recent',
    'src/contracts': 'engine',
  },
  'test/e2e/producers.e2e.test.ts': { 'src/compose': 'score-file' },
  'test/features/event/values.unit.test.ts': {
    'src/base': 'hash',
    'src/features/event': 'calendar columns event-features geography row',
  },
  'test/features/kinds/surprise.unit.test.ts': { 'src/features/kinds': 'delay-vectors peak' },
  'test/features/kinds/value-tiles.unit.test.ts': { 'src/features': 'value' },
  'test/features/plan/compile.unit.test.ts': { 'src/features/plan': 'compiled-set entity-key fingerprint plan' },
  'test/features/plan/lateness.unit.test.ts': { 'src/features/plan': 'reach' },
  'test/features/plan/partition.unit.test.ts': {
    'src/base': 'keys',
    'src/features': 'feature',
    'src/features/memory': 'entity-cache',
    'src/features/plan': 'describe',
  },
  'test/features/plan/recovery.unit.test.ts': { 'src/features/memory': 'arena blob clocks memory' },
  'test/features/plan/specification.unit.test.ts': {
    'src/features/kinds':
      'entity fading last-record last-seen pair-list part ranges reflection seasons sequential statistics ' +
      'tile-read tile-table windowed',
  },
  'test/log/blocks/codec.unit.test.ts': { 'src/log/blocks': 'block text' },
  'test/log/kafka/log.int.test.ts': {
    'src/log': 'event-log',
    'src/log/kafka': 'appends faults fetches link member offsets produces reader topics wire',
  },
  'test/log/kafka/persistence.unit.test.ts': { 'src/log/kafka': 'connection' },
  'test/log/kafka/records/batch.unit.test.ts': { 'src/log/kafka/records': 'codecs encode' },
  'test/log/kafka/requests.int.test.ts': { 'src/log/kafka': 'broker work' },
  'test/log/kafka/secure.int.test.ts': { 'src/log/kafka': 'generation' },
  'test/log/local/damage.int.test.ts': { 'src/log/local': 'frame recovery' },
  'test/log/local/durability.unit.test.ts': { 'src/log/local': 'files partition' },
  'test/log/local/lifetime.int.test.ts': { 'src/log/local': 'segment' },
  'test/log/local/log.int.test.ts': {
    'src/base': 'clock',
    'src/log': 'append-queue',
    'src/log/local': 'cursor group groups reader topics',
  },
  'test/log/local/view.int.test.ts': { 'src/log/local': 'window' },
  'test/log/tail.int.test.ts': { 'src/log': 'read-up-to' },
  'test/scorers/onnx/runtime.int.test.ts': { 'src/scorers/onnx': 'file inline session.js worker.js' },
  'test/scorers/score.unit.test.ts': { 'src/scorers': 'model-runtime reasons routing' },
  'test/simulator/documents.unit.test.ts': { 'src/simulator/world': 'documents' },
  'test/simulator/world.unit.test.ts': {
    'src/simulator': 'index',
    'src/simulator/world':
      'attendance cameras cheaters cheats dice gates geo happening honest hosts incidents load meters ' +
      'outcomes people phones punches readings regions sites stints syncs world',
  },
  'test/sinks/clickhouse/warehouse.int.test.ts': {
    'src/sinks': 'warehouse',
    'src/sinks/clickhouse': 'calls errors settings',
  },
  'test/sinks/migrate.int.test.ts': { 'src/sinks': 'tables' },
  'test/sinks/queries.int.test.ts': { 'src/contracts': 'predictions' },
  'test/sinks/read-only.int.test.ts': { 'src/sinks': 'syntax-tree' },
  'test/state/lmdb/state-store.int.test.ts': {
    'src/state': 'state-store',
    'src/state/lmdb': 'check.js directory keys',
  },
  'test/state/redis/connection.int.test.ts': { 'src/state/redis': 'info' },
  'test/state/redis/state-store.int.test.ts': { 'src/state/redis': 'layout scripts' },
  'test/streams/built-in/built-in.unit.test.ts': {
    'src/streams': 'stream',
    'src/streams/built-in': 'events index',
    'src/streams/schema': 'event-type',
  },
  'test/streams/codec/accept.unit.test.ts': { 'src/streams': 'choose' },
  'test/streams/codec/codec.unit.test.ts': {
    'src/streams/codec': 'reader',
    'src/streams/schema': 'avro columns schema',
  },
  'test/streams/codec/wire.unit.test.ts': { 'src/streams/codec': 'schema-source' },
  'test/streams/language/arithmetic.unit.test.ts': { 'src/streams/language': 'duration evidence' },
  'test/streams/language/types.unit.test.ts': {
    src: 'index',
    'src/streams/language': 'sequential surprise values windowed',
  },
  'test/streams/language/validate.unit.test.ts': {
    'src/streams/language': 'define described horizon validate-features',
  },
  'test/streams/load.int.test.ts': { 'src/streams': 'user-module' },
  'test/streams/registry/registry.int.test.ts': { 'src/streams/registry/confluent': 'http registry schemas' },
}
