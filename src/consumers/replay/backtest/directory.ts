import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, messageOf } from '../../../base/errors.js'
import type { Comparison } from './compare.js'
import type { Span } from '../replay-span.js'

/** A backtest, as its directory holds it. Times are epoch ms. */
export interface BacktestRun {
  readonly id: string
  readonly stream: string
  /** The fingerprint of the plan that made the vectors. */
  readonly fingerprint: string
  /** As the request names it: a version, a file, `champion`, `served`, `heuristic_v1`. */
  readonly model: string
  /** Log time of the scored records; null is the beginning of the log, or its end when the run started. */
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly spans: readonly Span[]
  readonly status: 'running' | 'interrupted' | 'failed' | 'done'
  readonly startedMs: number
  readonly finishedMs: number | null
  /** An event without an outcome counts as genuine if it is mature at this time. */
  readonly asOfMs: number
  /** Time spent folding and scoring, over all attempts, and the records that were read in that time. */
  readonly replayMs: number
  readonly records: number
  readonly error: string | null
  /** What the model did for the first event on which it failed. */
  readonly modelError?: string
  /** Whether it is in ClickHouse, too. */
  readonly stored: boolean
}

/** The results of a run, in `report.json` beside it. */
export interface BacktestReport extends Comparison {
  readonly run: BacktestRun
  /** `served`, or the id of another run. */
  readonly comparedWith: string
  readonly outcomes: number
}

/** The runs of a data directory. Each has a directory of its own. */
export interface BacktestDirectory {
  readonly path: string
  /** The directory of a run. */
  of(id: string): string
  write(run: BacktestRun): Promise<void>
  /** BAD_REQUEST where there is no such run. */
  read(id: string): Promise<BacktestRun>
  /** Newest first. */
  list(): Promise<readonly BacktestRun[]>
  writeReport(report: BacktestReport): Promise<void>
  readReport(id: string): Promise<BacktestReport>
  remove(id: string): Promise<void>
}

const idPattern = /^[a-z0-9][a-z0-9-]{0,63}$/

export function backtestDirectory(path: string): BacktestDirectory {
  const of = (id: string): string => {
    if (!idPattern.test(id)) throw new EngineError('BAD_REQUEST', `${JSON.stringify(id)} is no id of a backtest`)
    return join(path, id)
  }
  const read = async (id: string): Promise<BacktestRun> => {
    const text = await readFile(join(of(id), 'run.json'), 'utf8').catch((cause: unknown) => {
      throw new EngineError('BAD_REQUEST', `there is no backtest ${id} in ${path}: ${messageOf(cause)}`)
    })
    return JSON.parse(text) as BacktestRun
  }
  return {
    path,
    of,
    read,
    async write(run) {
      await mkdir(of(run.id), { recursive: true, mode: 0o750 })
      await replaceFile(join(of(run.id), 'run.json'), run)
    },
    async list() {
      const names = await readdir(path).catch(() => [])
      const runs = await Promise.all(
        names.filter((name) => idPattern.test(name)).map((name) => read(name).catch(() => undefined)),
      )
      return runs.filter((run) => run !== undefined).sort((a, b) => b.startedMs - a.startedMs)
    },
    writeReport: (report) => replaceFile(join(of(report.run.id), 'report.json'), report),
    async readReport(id) {
      const { status } = await read(id)
      if (status !== 'done')
        throw new EngineError(
          'BAD_REQUEST',
          `backtest ${id} is ${status}: it has no report yet. 'tidemill backtest run --resume ${id}' continues it`,
        )
      const report = JSON.parse(await readFile(join(of(id), 'report.json'), 'utf8')) as BacktestReport
      return { ...report, fellBack: report.fellBack ?? 0 }
    },
    remove: async (id) => {
      await read(id)
      await rm(of(id), { recursive: true })
    },
  }
}

/** Replaces a file. It holds the old content or the new, never a mixture. */
async function replaceFile(path: string, value: unknown): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o640)
  try {
    await file.writeFile(`${JSON.stringify(value)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
