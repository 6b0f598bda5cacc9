import { systemClock } from '../../base/clock.js'
import { count, duration, printMessage, type Terminal } from './terminal.js'

const redrawMs = 200
const barCells = 24

/** Progress of work of known size. `scored` is 0 while the work still warms up. */
export interface ProgressBar {
  update(state: { readonly total: number; readonly done: number; readonly scored: number }): void
  end(): void
}

/** Redraws one line on a terminal, else prints a line per tenth. Both show the rate and the time left. */
export function progressBarOn(terminal: Terminal, what: string): ProgressBar {
  const startedMs = systemClock.nowMs()
  const live = terminal.err.isTTY === true
  let first: number | undefined
  let drawnMs = 0
  let tenth = 0
  return {
    update({ total, done, scored }) {
      first ??= done
      const nowMs = systemClock.nowMs()
      const share = total === 0 ? 1 : done / total
      if (live ? nowMs - drawnMs < redrawMs : Math.floor(share * 10) <= tenth) return
      drawnMs = nowMs
      tenth = Math.floor(share * 10)
      const rate = ((done - first) * 1_000) / Math.max(nowMs - startedMs, 1)
      const left = rate > 0 ? `, ${duration(((total - done) * 1_000) / rate)} left` : ''
      const phase = scored === 0 && done < total ? 'warming up' : what
      const line =
        `${barOf(share)} ${(share * 100).toFixed(0).padStart(3)} %  ${phase}: ${count(done)} of ` +
        `${count(total)}, ${count(rate)}/s${left}`
      if (live) terminal.err.write(`\r\u001b[K${line.slice(0, (terminal.err.columns ?? 100) - 1)}`)
      else printMessage(terminal, line)
    },
    end() {
      if (live && drawnMs > 0) terminal.err.write('\r\u001b[K')
      drawnMs = 0
    },
  }
}

const barOf = (share: number): string => {
  const full = Math.round(Math.min(1, share) * barCells)
  return `[${'#'.repeat(full)}${'-'.repeat(barCells - full)}]`
}
