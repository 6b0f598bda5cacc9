import { compileStream } from '../../src/consumers/ground/compiled.js'
import { doors } from '../fixtures/doors.js'

/** What the simulation scores: small, with features that are exact and tiled, of one entity and across entities. */
export const stream = compileStream({ ...doors, partitions: 2 })

/** Known from the beginning. Operators add and remove `sometimes` alone, so that few records are bad. */
export const tenants = ['acme', 'bolt', 'cyan', 'dune'] as const
export const sometimes = 'echo'

export const seenIds = 40
export const badShare = { share: 0.9, records: 20 }
