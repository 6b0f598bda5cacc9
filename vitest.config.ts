import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.{unit,int,e2e}.test.ts'],
    globalSetup: ['./test/temporary.ts'],
    setupFiles: ['./test/fixed-seed.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/closing-line.reporter.ts'],
  },
})
