/**
 * Writes configuration.md, cli.md, metrics.md and tables.md of docs/reference, after `npm run build`. A test fails when
 * they are out of date.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cliReference, configurationReference, metricsReference, tablesReference } from './reference.js'

const built = /** @param {string} path */ async (path) => import(new URL(`../dist/${path}`, import.meta.url).href)
const pages = new URL('../docs/reference/', import.meta.url)
mkdirSync(pages, { recursive: true })
writeFileSync(
  new URL('configuration.md', pages),
  configurationReference({ ...(await built('config/settings.js')), ...(await built('config/describe.js')) }),
)
writeFileSync(
  new URL('cli.md', pages),
  cliReference(
    Object.assign(
      {},
      ...(await Promise.all(
        ['cli/program.js', 'cli/terminal/exit.js', 'cli/terminal/options.js', 'cli/help/examples.js'].map(built),
      )),
    ),
  ),
)
writeFileSync(new URL('tables.md', pages), tablesReference(await built('sinks/data-dictionary.js')))
const measuring = await Promise.all(
  [
    'consumers/watch/observation.js',
    'consumers/watch/dependencies.js',
    'consumers/watch/early-expiry.js',
    'consumers/watch/gauges.js',
    'consumers/models/model-faults.js',
    'api/http/metrics.js',
    'base/clock.js',
  ].map(built),
)
writeFileSync(new URL('metrics.md', pages), metricsReference(Object.assign({}, ...measuring)))
