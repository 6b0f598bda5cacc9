/** Scores of the same events by two scorers, and their labels: columns of equal length. */
export interface ScoredRows {
  readonly rows: number
  /** Scores of the run; NaN when it has none. */
  readonly scores: Float32Array
  /** Scores of the comparison; NaN when it has none. */
  readonly others: Float32Array
  /** 1, 0, or -1 for an unknown label. */
  readonly labels: Int8Array
  /** Index into `riskLevels` (0 low, 1 medium, 2 high), 255 without a score. */
  readonly risks: Uint8Array
  readonly otherRisks: Uint8Array
  readonly tenants: readonly string[]
  readonly tenantOf: Uint32Array
}

export interface ScoredRow {
  readonly tenant: string
  readonly score: number
  readonly other: number
  readonly label: number
  readonly risk: number
  readonly otherRisk: number
}

/** Collects rows in columns in memory, 15 bytes per row. */
export interface RowCollector {
  add(row: ScoredRow): void
  rows(): ScoredRows
}

/** Allocates columns for at most `most` rows. */
export function collectRows(most: number): RowCollector {
  const columns = {
    scores: new Float32Array(most),
    others: new Float32Array(most),
    labels: new Int8Array(most),
    risks: new Uint8Array(most),
    otherRisks: new Uint8Array(most),
    tenantOf: new Uint32Array(most),
  }
  const tenants = new Map<string, number>()
  let rows = 0
  return {
    add({ tenant, score, other, label, risk, otherRisk }) {
      let index = tenants.get(tenant)
      if (index === undefined) tenants.set(tenant, (index = tenants.size))
      columns.scores[rows] = score
      columns.others[rows] = other
      columns.labels[rows] = label
      columns.risks[rows] = risk
      columns.otherRisks[rows] = otherRisk
      columns.tenantOf[rows++] = index
    },
    rows: () => ({
      rows,
      scores: columns.scores.subarray(0, rows),
      others: columns.others.subarray(0, rows),
      labels: columns.labels.subarray(0, rows),
      risks: columns.risks.subarray(0, rows),
      otherRisks: columns.otherRisks.subarray(0, rows),
      tenants: [...tenants.keys()],
      tenantOf: columns.tenantOf.subarray(0, rows),
    }),
  }
}
