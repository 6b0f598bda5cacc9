/** An Avro record schema as JSON. */
export interface AvroRecord {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly doc?: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: unknown
  readonly default?: unknown
  readonly doc?: string
  /** Inclusive bounds of a number; a value outside makes the event a dead letter. Avro ignores them. */
  readonly minimum?: number
  readonly maximum?: number
}

/** A stream as the API shows it. */
export interface StreamView {
  readonly name: string
  readonly topic: string
  readonly partitions: number
  readonly schema: AvroRecord
  /** Columns with a role. The API fills in an absent tenant; for predictions also an absent id and time. */
  readonly columns: { readonly id: string; readonly tenant: string; readonly time: string; readonly key: string }
  readonly entities: readonly {
    readonly name: string
    readonly columns: readonly string[]
    readonly scope: 'tenant' | 'partition'
  }[]
  /** In the order of the vector. */
  readonly features: readonly { readonly name: string; readonly kind: string }[]
  /** Model family; null where the stream has only its heuristic. */
  readonly family: string | null
  /** What serves now. `problem`: why the chosen model does not score all rows; null while it does. */
  readonly serving: { readonly by: 'model' | 'heuristic'; readonly version: string; readonly problem: string | null }
  readonly risk: { readonly high: number; readonly medium: number }
  readonly fingerprint: string
}
