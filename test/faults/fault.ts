import type { LaunchedEngine } from '../e2e/launch.js'
import type { BreakName } from './breaks.js'

export type Preset = 'embedded' | 'cluster'
export type Size = 'small' | 'large'

/** What a run met and measured, by name: counts, milliseconds (`...Ms`), shares. */
export type Figures = Readonly<Record<string, number | string>>

/** What came of a fault. Without violations the promise held. */
export interface Outcome {
  readonly figures: Figures
  /** What was broken of the promise, a sentence each. */
  readonly violations: readonly string[]
}

/** One run of one fault on one preset. */
export interface FaultRun {
  readonly preset: Preset
  readonly size: Size
  /** Its own, gone afterwards. */
  readonly directory: string
  /** Chooses moments and victims, 0 <= x < 1; the same seed chooses the same. */
  readonly random: () => number
  /** Variables that every engine process gets. */
  readonly variables: Readonly<Record<string, string>>
  /** Runs when the fault is over, in reverse order. */
  defer(close: () => Promise<unknown>): void
  /** Told what may explain a run that comes to no end: the last words of an engine that ended by itself. */
  suspect(why: string): void
  /** Progress for people. */
  say(message: string): void
}

/** A row of the table: what is done to a running engine, and what must hold. */
export interface Fault {
  readonly name: string
  readonly what: string
  readonly presets: readonly Preset[]
  /** Protections whose removal must make it fail. */
  readonly proves: readonly BreakName[]
  /**
   * At most so long; a run that takes longer hangs. Several times what it takes on a machine with nothing else to do.
   */
  readonly patienceMs: Readonly<Record<Size, number>>
  run(run: FaultRun): Promise<Outcome>
}

export type Engines = readonly LaunchedEngine[]

/** One of the list, chosen by chance. */
export const oneOf = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!
