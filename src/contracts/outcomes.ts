/** The truth about a prediction. */
export interface Outcome {
  readonly stream: string
  readonly tenant: string
  readonly event_id: string
  /** 1: the event was what the stream detects (fraud, conflict, misread, incident). 0: it was not. */
  readonly label: 0 | 1
  /** How the label is known. Where labels differ, the later and surer source wins. */
  readonly source: 'correction' | 'review' | 'event'
  readonly decidedAtMs: number
  readonly note?: string
}

/** An outcome as the warehouse returns it. */
export interface StoredOutcome {
  readonly label: 0 | 1
  readonly source: string
  readonly decidedAtMs: number
}
