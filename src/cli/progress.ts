import { systemClock } from '../clock.js'
import { count, type Terminal } from './terminal.js'

const redrawMs = 200

/** How far a long command is, for whoever watches; nothing is written where nobody does. */
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
