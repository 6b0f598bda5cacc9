/** The order is the code that a block stores: append, never reorder. */
export const riskLevels = ['low', 'medium', 'high'] as const
export type RiskLevel = (typeof riskLevels)[number]

/** Predictions by risk level. */
export type Risks = Readonly<Record<RiskLevel, number>>
