/** Whether one part of the engine can do its work. */
export interface ReadinessCheck {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  /** The engine does its work, but an operator should check this. */
  readonly attention?: boolean
}

/** One check of `tidemill doctor`. */
export interface Check {
  readonly name: string
  /** `skipped`: the check could not run; `detail` gives the reason. */
  readonly result: 'ok' | 'failed' | 'skipped'
  readonly detail: string
}
