import { keySeparator } from '../../base/keys.js'

/**
 * The state key of an entity. It is unambiguous, because ids hold no control characters and the entity's name decides
 * whether a tenant follows.
 */
export const entityKey = (name: string, scope: 'tenant' | 'partition', tenant: string, id: string): string =>
  scope === 'tenant' ? name + keySeparator + tenant + keySeparator + id : name + keySeparator + id
