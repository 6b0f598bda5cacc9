import { Type } from '@sinclair/typebox'
import { limits } from '../../base/limits.js'
import { closed, number, toggle, whole } from './kinds.js'

export const warehouseSettings = Type.Object(
  {
    rawEvents: toggle({
      default: true,
      flag: '--no-raw-events',
      flagDescription: 'Does not store the raw events in ClickHouse.',
      description: 'Stores the raw events in ClickHouse too, for training and audit.',
    }),
    retentionDays: whole(1, 3_650, {
      default: 90,
      description: 'Days that ClickHouse keeps predictions, outcomes and raw events.',
    }),
  },
  closed,
)

export const scoringSettings = Type.Object(
  {
    chunkRecords: whole(1, 20_000, {
      default: limits.chunkRecords,
      description: 'The most events that are scored together.',
    }),
    commitIntervalMs: whole(0, 60_000, {
      default: limits.commitIntervalMs,
      flag: '--commit-interval <ms>',
      description: 'The shortest time between two commits of state; after a crash at most this much is folded again.',
    }),
    commitIntervalMaxMs: whole(0, 60_000, {
      default: limits.commitIntervalMaxMs,
      description:
        'Under load the engine commits less often, so that commits take at most a tenth of the time. This is the ' +
        'longest time between two commits.',
    }),
    cachedEntities: whole(100, 10_000_000, {
      default: limits.cachedEntities,
      description: 'Entities of one partition that stay decoded in memory, about 1 KiB each.',
    }),
    seenIds: whole(0, 10_000_000, {
      default: limits.seenIds,
      description:
        'Event ids that the engine remembers per partition, about 16 bytes each. An event whose id is among the ' +
        'last so many ids of its tenant is a duplicate and not scored again. 0 remembers none.',
    }),
    badShare: number(0, 1, {
      default: limits.badShare,
      description:
        'When more than this share of the last `scoring.badShareRecords` records of a partition is bad, the ' +
        'partition stops (BAD_SHARE) until an operator accepts it, so that a broken schema does not turn a whole ' +
        'topic into dead letters. 1 never stops.',
    }),
    badShareRecords: whole(10, 100_000, {
      default: limits.badShareRecords,
      description:
        'The number of last records of a partition that `scoring.badShare` counts. While a partition has fewer, the ' +
        'missing ones count as good.',
    }),
  },
  closed,
)

export const logSettings = Type.Object(
  {
    retentionDays: Type.Optional(
      whole(1, 3_650, {
        description:
          "Days that the log keeps every stream's events and predictions. Default: each stream's own. The engine " +
          "refuses to start when this is shorter than a stream's longest feature horizon plus its lateness.",
      }),
    ),
  },
  closed,
)
