import { riskLevels, type RiskLevel } from '../../src/contracts/risks.js'
import { scoredBy, type Block, type ScoredBy } from '../../src/log/blocks/block.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'

/** What the engine made of one event. */
export type Result =
  | {
      readonly kind: 'prediction'
      readonly score: number
      readonly risk: RiskLevel
      readonly by: ScoredBy
      readonly version: string
      readonly late: boolean
      readonly reasons: readonly string[]
      readonly features: Readonly<Record<string, number>>
    }
  | { readonly kind: 'duplicate' }
  | {
      readonly kind: 'dead letter'
      readonly code: string
      readonly stage: string
      readonly reason: string
      readonly value: Buffer | null
    }

/** The results in a block, by offset. */
export function resultsOf({ plan }: CompiledStream, block: Block): readonly (readonly [number, Result])[] {
  return Array.from({ length: block.rows }, (_, row) => {
    const result: Result =
      block.kinds[row] === 1
        ? { kind: 'duplicate' }
        : {
            kind: 'prediction',
            score: block.scores[row]!,
            risk: riskLevels[block.risks[row]!]!,
            by: scoredBy[block.by[row]!]!,
            version: block.versions[block.versionOf[row]!]!,
            late: (block.flags[row]! & 1) === 1,
            reasons: block.reasons[row]! === '' ? [] : block.reasons[row]!.split(','),
            features: Object.fromEntries(plan.names.map((name, i) => [name, block.vectors[row * block.width + i]!])),
          }
    return [block.offsets[row]!, result] as const
  })
}
