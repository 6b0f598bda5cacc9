/** Scores of the same events by two scorers, with what came true: columns of equal length. */
export interface ScoredRows {
  readonly rows: number
  /** Of the run; NaN where it gave none. */
  readonly scores: Float32Array
  /** Of what it is compared with; NaN where that gave none. */
  readonly others: Float32Array
  /** 1, 0, or -1 while nothing is known. */
  readonly labels: Int8Array
  /** Index into `riskLevels` (0 low, 1 medium, 2 high), 255 where there is no score. */
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

/** Columns that rows are added to, in memory: 15 bytes a row. */
export interface RowCollector {
  add(row: ScoredRow): void
  rows(): ScoredRows
}

/** Room for at most so many rows. */
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
