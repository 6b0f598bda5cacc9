/** What a replay of a stretch of the log gave, beside what was served. */
export interface Certificate {
  readonly format: 1
  readonly stream: string
  readonly fingerprint: string
  /** Log time asked for, epoch ms; null is the beginning, or the last served event. */
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly madeAtMs: number
  /** What replayed: the build, and the CPU whose arithmetic it is. */
  readonly build: string
  readonly cpu: string
  readonly partitions: readonly PartitionCertificate[]
  readonly served: Results
  readonly replayed: Results
  /** Results of the replay at offsets whose own ones an operator has accepted as lost: in neither digest. */
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
  /** Folded from here on, certified from `from` up to `to`, which is no longer part of it. */
  readonly warmFrom: number
  readonly from: number
  readonly to: number
  readonly served: PartitionDigest
  readonly replayed: PartitionDigest
}

/** SHA-256, hex: over the rows of blocks, and over the dead letters. */
export interface PartitionDigest {
  readonly rows: string
  readonly deadLetters: string
}

/** The first offset, of the lowest partition that has one, whose results differ. */
export interface Difference {
  readonly partition: number
  readonly offset: number
  /** `result` where only one side has one. */
  readonly field: string
  readonly served: string | number | null
  readonly replayed: string | number | null
}
