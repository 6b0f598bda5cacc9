import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one line that any machine reads: 'N passed, N failed', with skips named where there are any. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      const before = count.failed
      for (const test of module.children.allTests()) count[test.result().state] += 1
      if (!module.ok() && count.failed === before) count.failed += 1
    }
    const skipped = count.skipped + count.pending
    process.stdout.write(
      `\n${String(count.passed)} passed, ${String(count.failed)} ` +
        `failed${skipped > 0 ? `, ${String(skipped)} skipped` : ''}\n`,
    )
    if (skipped > 0 && process.env['CI'] === 'true') process.exitCode = 1
  }
}
