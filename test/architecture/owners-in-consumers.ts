/** The part of `owners` whose tests are in test/consumers. */
export const ownersInConsumers = {
  'test/consumers/control/control.int.test.ts': {
    'src/consumers/control': 'decision routes routing',
    'src/consumers/control/kinds': 'accept activate deactivate index kind replay resume scope stop',
    'src/consumers/ground': 'topic-names',
  },
  'test/consumers/control/decisions.int.test.ts': {
    'src/consumers/control': 'fold follower',
    'src/consumers/control/kinds': 'place',
    'src/consumers/ground': 'follow',
  },
  'test/consumers/control/stops-cluster.int.test.ts': {
    'src/consumers/control': 'stops-fold',
    'src/contracts': 'partitions',
  },
  'test/consumers/control/stops.int.test.ts': { 'src/consumers/control': 'accepted' },
  'test/consumers/control/tenants.int.test.ts': {
    'src/consumers/control': 'tenant-table',
    'src/consumers/control/kinds': 'tenants',
    'src/contracts': 'tenants',
  },
  'test/consumers/dead-letters/dead-letters.int.test.ts': { 'src/contracts': 'dead-letters' },
  'test/consumers/dead-letters/redrive.int.test.ts': { 'src/consumers/dead-letters': 'marks pages trial view walk' },
  'test/consumers/models/model-travel.int.test.ts': {
    'src/consumers/models': 'bundled piece-index reading',
    'src/scorers': 'model-keeping',
  },
  'test/consumers/models/topic.int.test.ts': { 'src/consumers/models': 'pieces' },
  'test/consumers/replay/backtest-kafka.int.test.ts': {
    'src/consumers/control': 'guarded',
    'src/consumers/ground': 'owned',
    'src/log/blocks': 'build',
  },
  'test/consumers/replay/backtest.int.test.ts': {
    'src/consumers/ground': 'block-rows read-partition',
    'src/consumers/models': 'model-file',
    'src/consumers/replay': 'replay replay-routing replay-span',
    'src/consumers/replay/backtest': 'backtest compare directory model outcome-labels',
    'src/contracts': 'callers',
  },
  'test/consumers/replay/certify.int.test.ts': {
    'src/consumers/control': 'serving',
    'src/consumers/replay/certify': 'certificate certify dead-letters-of-span result-digest result-tally',
  },
  'test/consumers/replay/run-results.int.test.ts': {
    'src/consumers/replay/backtest': 'upload',
    'src/contracts': 'runs',
  },
  'test/consumers/scoring/chunk-tenants.int.test.ts': {
    'src/consumers/control': 'stretches',
    'src/consumers/replay': 'replay-tenants',
  },
  'test/consumers/scoring/partition-gate.int.test.ts': { 'src/consumers/ground': 'dead-letter retry' },
  'test/consumers/ground/placement.unit.test.ts': { 'src/consumers/ground': 'misplaced' },
  'test/consumers/serving/whereabouts.int.test.ts': { 'src/consumers/watch': 'placements' },
  'test/consumers/scoring/rebuild.int.test.ts': { 'src/consumers/scoring': 'rebuilds' },
  'test/consumers/scoring/recovery.int.test.ts': {
    'src/consumers/ground': 'claim',
    'src/consumers/scoring': 'partition',
  },
  'test/consumers/scoring/registry.int.test.ts': {
    'src/consumers/ground': 'decode rejected',
    'src/contracts': 'streams',
  },
  'test/consumers/scoring/restored-state.int.test.ts': {
    'src/consumers/ground': 'claim-checks',
    'src/consumers/scoring': 'dependencies folding work',
  },
  'test/consumers/scoring/scoring.int.test.ts': { 'src/consumers/ground': 'topics' },
  'test/consumers/scoring/store.int.test.ts': { 'src/consumers/scoring': 'progress' },
  'test/consumers/serving/serve.int.test.ts': {
    'src/consumers/serving': 'predict prediction-log',
    'src/contracts': 'scoring',
  },
  'test/consumers/warehouse/tracker.unit.test.ts': { 'src/consumers/warehouse': 'progress' },
  'test/consumers/warehouse/warehouse-refusals.int.test.ts': { 'src/consumers/warehouse': 'partition refusals' },
  'test/consumers/warehouse/warehouse-stops.int.test.ts': { 'src/consumers/warehouse': 'start' },
  'test/consumers/warehouse/written-at.int.test.ts': { 'src/consumers/warehouse': 'pieces storing' },
  'test/consumers/warehouse/warehouse.int.test.ts': {
    'src/consumers/warehouse': 'feeds predictions',
    'src/contracts': 'risks',
    'src/sinks': 'dictionary',
  },
}
