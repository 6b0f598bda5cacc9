import { keySeparator } from '../../base/keys.js'
import { EngineError } from '../../base/errors.js'
import { readColumn } from '../event/columns.js'
import { compileSet, idOf } from './compiled-set.js'
import { describe } from './describe.js'
import { entityKey } from './entity-key.js'
import type { FeatureSet } from '../feature.js'
import { fingerprintOf } from './fingerprint.js'
import { Partition } from './partition.js'
import type { Plan } from './plan.js'
import { validate } from './validate.js'

/** Compiles a feature set. Throws BAD_STREAM with every wrong feature and the reason. */
export function compile(set: FeatureSet): Plan {
  validate(set)
  const compiled = compileSet(set)
  const first = Object.values(set.entities)[0]
  const subjectColumns = first?.columns.map(readColumn) ?? []
  return {
    set,
    fingerprint: fingerprintOf(set),
    names: set.features.map(({ name }) => name),
    width: set.features.length,
    horizonMs: Math.max(
      0,
      ...set.features.map(({ feature }) =>
        'windowMs' in feature ? feature.windowMs : 'horizonMs' in feature ? feature.horizonMs : 0,
      ),
    ),
    subject: (event) => (subjectColumns.length === 0 ? '' : (idOf(subjectColumns, event, keySeparator) ?? '')),
    open: (cachedEntities, seenIds) => new Partition(compiled, cachedEntities, seenIds),
    describe: (entity, blob, atMs) => describe(compiled, entity, blob, atMs),
    keyOf: (entity, tenant, ids) => {
      const found = Object.hasOwn(set.entities, entity) ? set.entities[entity] : undefined
      if (found === undefined)
        throw new EngineError(
          'UNKNOWN_ENTITY',
          `stream ${set.stream} has no entity '${entity}'; it has ${Object.keys(set.entities).join(', ')}`,
        )
      return entityKey(entity, found.scope, tenant, ids.join(keySeparator))
    },
  }
}
