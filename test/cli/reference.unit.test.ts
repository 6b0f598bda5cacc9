import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { cliReference, configurationReference, metricsReference, tablesReference } from '../../scripts/reference.js'
import * as api from '../../src/api/http/metrics.js'
import * as examples from '../../src/cli/help/examples.js'
import * as exit from '../../src/cli/terminal/exit.js'
import * as options from '../../src/cli/terminal/options.js'
import * as program from '../../src/cli/program.js'
import * as clock from '../../src/base/clock.js'
import { packagePath } from '../../src/config/load.js'
import * as describe from '../../src/config/describe.js'
import * as dictionary from '../../src/sinks/data-dictionary.js'
import * as settings from '../../src/config/settings.js'
import * as dependencies from '../../src/consumers/watch/dependencies.js'
import * as earlyExpiry from '../../src/consumers/watch/early-expiry.js'
import * as faults from '../../src/consumers/models/model-faults.js'
import * as gauges from '../../src/consumers/watch/gauges.js'
import * as observation from '../../src/consumers/watch/observation.js'

const page = (name: string): string => readFileSync(packagePath(`docs/reference/${name}.md`), 'utf8')
const remedy = 'run `npm run build && node scripts/generate-reference.js`'

test('configuration.md is up to date', () => {
  assert.equal(page('configuration'), configurationReference({ ...settings, ...describe }), remedy)
})

test('cli.md is up to date', () => {
  assert.equal(page('cli'), cliReference({ ...program, ...exit, ...options, ...examples }), remedy)
})

test('tables.md is up to date', () => {
  assert.equal(page('tables'), tablesReference(dictionary), remedy)
})

test('metrics.md is up to date', () => {
  assert.equal(
    page('metrics'),
    metricsReference({ ...observation, ...dependencies, ...earlyExpiry, ...gauges, ...faults, ...api, ...clock }),
    remedy,
  )
})
