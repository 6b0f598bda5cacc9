import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packagePath } from '../../src/config/load.js'
import { faults } from './all.js'
import { breakVariable, type BreakName } from './breaks.js'
import type { Outcome, Preset, Size } from './fault.js'
import { chance } from './load.js'

/** Which fault runs in a process of its own, and how. */
export interface Row {
  readonly fault: string
  readonly preset: Preset
  readonly size: Size
  readonly seed: number
  readonly without: BreakName | undefined
}

/** What makes a process run without a protection. */
export const brokenBy = (name: BreakName | undefined): Readonly<Record<string, string>> =>
  name === undefined
    ? {}
    : {
        [breakVariable]: name,
        NODE_OPTIONS: `--import=${pathToFileURL(packagePath('test/faults/break-hook.js')).href}`,
      }

/** Runs a fault in this process. Whatever it started is gone afterwards. */
export async function runRow(
  { fault: name, preset, size, seed, without }: Row,
  say: (message: string) => void,
): Promise<Outcome> {
  const fault = faults.find((one) => one.name === name)!
  const directory = await mkdtemp(join(tmpdir(), `tidemill-fault-${name}-`))
  const suspects: string[] = []
  const closing: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true, maxRetries: 5 })]
  try {
    return await fault.run({
      preset,
      size,
      directory,
      random: chance(seed),
      variables: brokenBy(without),
      defer: (close) => void closing.push(close),
      suspect: (why) => void suspects.push(why),
      say,
    })
  } catch (error) {
    return {
      figures: {},
      violations: [
        `it did not come to an end: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        ...suspects,
      ],
    }
  } finally {
    for (const close of closing.reverse()) await close().catch(() => undefined)
  }
}
