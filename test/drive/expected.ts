import { AssertionError } from 'node:assert'
import type { RiskLevel } from '../../src/contracts/risks.js'
import type { ScoredBy } from '../../src/log/blocks/block.js'
import type { Result } from './result.js'

/** A number, its bounds, or null for NaN, which means "missing". */
export type ExpectedNumber = number | null | { readonly from?: number; readonly to?: number }

/** What a test expects of one event. Only what it names is checked. */
export interface Expected {
  readonly risk?: RiskLevel
  readonly score?: ExpectedNumber
  /** The names that must be among the reasons; an empty list means that there are none. */
  readonly reasons?: readonly string[]
  /** Values of the vector, by name. */
  readonly features?: Readonly<Record<string, ExpectedNumber>>
  readonly by?: ScoredBy
  readonly version?: string
  readonly late?: boolean
  readonly duplicate?: true
  /** The code of the dead letter. */
  readonly deadLetter?: string
  /** What the reason of the dead letter says. */
  readonly because?: RegExp
  /** The text of the dead letter. */
  readonly text?: string
}

/** The same expectation of so many events. */
export const each = (count: number, expected: Expected = {}): readonly Expected[] =>
  Array.from({ length: count }, () => expected)

/** Vectors hold single precision. */
const isNear = (value: number, wanted: number): boolean =>
  Math.abs(value - wanted) <= 1e-6 * Math.max(1, Math.abs(wanted))

function fits(value: number, wanted: ExpectedNumber): boolean {
  if (wanted === null) return Number.isNaN(value)
  if (typeof wanted === 'number') return isNear(value, wanted)
  return value >= (wanted.from ?? -Infinity) && value <= (wanted.to ?? Infinity)
}

const shown = (value: number | undefined): string =>
  value === undefined ? 'not in the vector' : Number.isNaN(value) ? 'missing' : String(Number(value.toPrecision(6)))

function wantedText(wanted: ExpectedNumber): string {
  if (wanted === null) return 'missing'
  if (typeof wanted === 'number') return String(wanted)
  const bounds = [
    wanted.from === undefined ? '' : `at least ${wanted.from}`,
    wanted.to === undefined ? '' : `at most ${wanted.to}`,
  ]
  return bounds.filter((text) => text !== '').join(' and ')
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

/** What came, in words. */
function resultText(result: Result | undefined): string {
  if (result === undefined) return 'it has no result'
  if (result.kind === 'duplicate') return 'it is a duplicate'
  if (result.kind === 'dead letter') return `it is the dead letter ${result.code} (${result.reason})`
  const { score, risk, by, version, late } = result
  return `it scored ${shown(score)}, ${risk} risk, by ${by} (${version})${late ? ', late' : ''}`
}

/** Everything that differs, one phrase each: 'expected risk high, but it is low'. */
function differences(expected: Expected, result: Result | undefined): readonly string[] {
  if (result === undefined) return ['expected a result, but it has none']
  if (expected.duplicate === true) return result.kind === 'duplicate' ? [] : ['expected a duplicate']
  if (expected.deadLetter !== undefined || expected.because !== undefined)
    return deadLetterDifferences(expected, result)
  if (result.kind !== 'prediction') return ['expected a prediction']
  const out: string[] = []
  const same = (what: string, wanted: string | boolean | undefined, found: string | boolean): void => {
    if (wanted !== undefined && wanted !== found) out.push(`expected ${what} ${wanted}, but it is ${found}`)
  }
  const number = (what: string, wanted: ExpectedNumber | undefined, found: number | undefined): void => {
    if (wanted !== undefined && !(found !== undefined && fits(found, wanted)))
      out.push(`expected ${what} ${wantedText(wanted)}, but it is ${shown(found)}`)
  }
  same('risk', expected.risk, result.risk)
  number('score', expected.score, result.score)
  same('scored by', expected.by, result.by)
  same('version', expected.version, result.version)
  same('late', expected.late, result.late)
  const { reasons } = expected
  const isMissing = reasons?.some((name) => !result.reasons.includes(name)) ?? false
  if (isMissing || (reasons?.length === 0 && result.reasons.length > 0))
    out.push(`expected reasons ${listed(reasons!)}, but they are ${listed(result.reasons)}`)
  for (const [name, wanted] of Object.entries(expected.features ?? {})) number(name, wanted, result.features[name])
  return out
}

function deadLetterDifferences({ deadLetter, because, text }: Expected, result: Result): readonly string[] {
  if (result.kind !== 'dead letter') return [`expected the dead letter ${deadLetter ?? String(because)}`]
  return [
    ...(deadLetter !== undefined && deadLetter !== result.code ? [`expected the dead letter ${deadLetter}`] : []),
    ...(because !== undefined && !because.test(result.reason) ? [`expected a reason like ${String(because)}`] : []),
    ...(text !== undefined && text !== result.value?.toString() ? [`expected the text ${text}`] : []),
  ]
}

/** Throws one readable message where the result is not the expected one. */
export function check(says: string, expected: Expected, result: Result | undefined): void {
  const found = differences(expected, result)
  if (found.length === 0) return
  throw new AssertionError({
    message: `When ${says}: ${found.join('; ')}.\nWhat came: ${resultText(result)}.`,
    actual: result,
    expected,
    operator: 'drive',
  })
}
