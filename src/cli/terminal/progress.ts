import { systemClock } from '../../base/clock.js'
import { count, type Terminal } from './terminal.js'

const redrawMs = 200

/** Progress of a long command; shown only on a terminal. */
export interface Progress {
  update(done: number): void
  end(): void
}

export function progressOn(terminal: Terminal, what: string): Progress {
  const startedMs = systemClock.nowMs()
  let drawnMs = 0
  if (terminal.err.isTTY !== true) return { update: () => undefined, end: () => undefined }
  return {
    update(done) {
      const nowMs = systemClock.nowMs()
      if (nowMs - drawnMs < redrawMs) return
      drawnMs = nowMs
      const rate = nowMs > startedMs ? (done * 1_000) / (nowMs - startedMs) : 0
      terminal.err.write(`\r\u001b[K${count(done)} ${what}, ${count(rate)}/s`)
    },
    end() {
      if (drawnMs > 0) terminal.err.write('\r\u001b[K')
    },
  }
}

/** Steps of a long command with their bytes; shown only on a terminal. */
export interface Steps {
  update(step: string, bytes: number): void
  end(): void
}

export function stepsOn(terminal: Terminal): Steps {
  let drawnMs = 0
  return {
    update(step, bytes) {
      const nowMs = systemClock.nowMs()
      if (terminal.err.isTTY !== true || nowMs - drawnMs < redrawMs) return
      drawnMs = nowMs
      terminal.err.write(`\r\u001b[K${step} ${bytesText(bytes)}`)
    },
    end() {
      if (drawnMs > 0) terminal.err.write('\r\u001b[K')
    },
  }
}

/** 3.4 GiB, 12 MiB, 5.0 KiB. */
export function bytesText(bytes: number): string {
  const unit = bytes >= 2 ** 30 ? 3 : bytes >= 2 ** 20 ? 2 : 1
  const value = bytes / 1_024 ** unit
  return `${value < 10 ? value.toFixed(1) : count(value)} ${['B', 'KiB', 'MiB', 'GiB'][unit]!}`
}
