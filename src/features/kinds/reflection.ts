import type { EntityBuilder } from './entity.js'
import type { Feature } from '../feature.js'
import { peak } from './peak.js'
import { surprise } from './surprise.js'

/** Kinds that remember other features. */
export type ReflectiveFeature = Extract<Feature, { readonly by: string; readonly of: unknown }>

export const isReflective = (feature: Feature): feature is ReflectiveFeature =>
  feature.kind === 'surprise' || feature.kind === 'peak'

/** Names of the features that it remembers. */
export const namesOf = (feature: ReflectiveFeature): readonly string[] =>
  feature.kind === 'surprise' ? feature.of : [feature.of]

/** Prepares a feature made of other features and returns its index among these features of the entity. */
export function addReflective(
  feature: ReflectiveFeature,
  at: number,
  entity: EntityBuilder,
  indexOf: ReadonlyMap<string, number>,
): number {
  const of = namesOf(feature).map((name) => indexOf.get(name)!)
  const match = entity.row.match(feature.where)
  if (feature.kind === 'surprise')
    return entity.reflection((around) =>
      surprise(
        {
          of,
          match,
          tail: feature.tail === true,
          halfLifeMs: feature.halfLifeMs,
          horizonMs: feature.horizonMs,
          feature: at,
        },
        around,
      ),
    )
  return entity.reflection((around) =>
    peak({ of: of[0]!, match, windowMs: feature.windowMs, tileMs: feature.keep.tileMs, feature: at }, around),
  )
}
