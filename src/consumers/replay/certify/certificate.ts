/** The results of a replay of a part of the log, beside the served results. */
export interface Certificate {
  readonly format: 1
  readonly stream: string
  readonly fingerprint: string
  /** Log time as requested, epoch ms; null is the beginning of the log, or the last served event. */
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly madeAtMs: number
  /** The build and the CPU of the replay. The CPU decides the last bits of floating-point results. */
  readonly build: string
  readonly cpu: string
  readonly partitions: readonly PartitionCertificate[]
  readonly served: Results
  readonly replayed: Results
  /** Results of the replay where an operator has accepted the loss of the served results. Neither digest has them. */
  readonly givenUp: number
  readonly equal: boolean
  readonly firstDifference: Difference | null
}

export interface Results {
  /** SHA-256 over every partition's digest, its number and its offsets. */
  readonly digest: string
  readonly predictions: number
  readonly duplicates: number
  readonly late: number
  readonly deadLetters: number
  /** Predictions by version. */
  readonly versions: Readonly<Record<string, number>>
}

export interface PartitionCertificate {
  readonly partition: number
  /** The replay folds from this offset on. The certificate covers `from` up to `to` (exclusive). */
  readonly warmFrom: number
  readonly from: number
  readonly to: number
  readonly served: PartitionDigest
  readonly replayed: PartitionDigest
}

/** SHA-256, hex: one over the rows of blocks, one over the dead letters. */
export interface PartitionDigest {
  readonly rows: string
  readonly deadLetters: string
}

/** The first offset whose results differ, in the lowest partition that has one. */
export interface Difference {
  readonly partition: number
  readonly offset: number
  /** `result` where only one side has a result. */
  readonly field: string
  readonly served: string | number | null
  readonly replayed: string | number | null
}
