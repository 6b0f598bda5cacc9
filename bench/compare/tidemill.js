// Tidemill as its users run it: `tidemill start --preset cluster`, on the workload's stream and model.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { numberOf } from './engine.js'

/** @typedef {import('./engine.js').Engine} Engine @typedef {import('./engine.js').Run} Run */

const here = (/** @type {string} */ path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const { decodeBlock } = await import(new URL('../../dist/log/blocks/codec.js', import.meta.url).href)
const { benchStream, placeModel } = await import(new URL('../../dist/bench/setup.js', import.meta.url).href)

/** @param {string} name @param {string} about @param {readonly string[]} roles @returns {Engine} */
const tidemill = (name, about, roles) => ({
  name,
  about,
  build: () => Promise.resolve(),

  async program({ name: run, directory, broker, servers }) {
    await placeModel(directory, await benchStream())
    const file = join(directory, 'tidemill.yaml')
    const settings = {
      preset: 'cluster',
      roles,
      dataDirectory: join(directory, 'data'),
      streams: { builtin: [], paths: [here('bench/streams')] },
      models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
      redis: { keyPrefix: `${run}:` },
      clickhouse: { database: run },
      tenants: 'any',
      api: { port: 0 },
      demo: { enabled: false },
    }
    await writeFile(file, stringify(settings))
    return {
      command: process.execPath,
      args: [here('dist/cli/launch.cjs'), 'start', '--config', file],
      env: { ...servers, TIDEMILL_KAFKA_BROKERS: broker },
    }
  },

  read(value) {
    const { eventIds, scores } = decodeBlock(value)
    return eventIds.map((/** @type {string} */ id, /** @type {number} */ i) => [numberOf(id), scores[i]])
  },

  ...(roles.includes('warehouse') ? { stored } : {}),
})

/** @param {Run} run */
async function stored({ name, servers }) {
  const query = new URLSearchParams({
    query: `SELECT count() FROM ${name}.predictions`,
    user: servers['TIDEMILL_CLICKHOUSE_USERNAME'] ?? 'default',
    password: servers['TIDEMILL_CLICKHOUSE_PASSWORD'] ?? '',
  })
  const answer = await fetch(`${servers['TIDEMILL_CLICKHOUSE_URL']}/?${query.toString()}`)
  // Before the engine has made its tables there are none.
  return answer.ok ? Number(await answer.text()) : 0
}

/** @type {readonly Engine[]} */
export const tidemills = [
  tidemill('tidemill', 'role scoring, state in Redis', ['scoring']),
  tidemill('tidemill-warehouse', 'roles scoring and warehouse: predictions and raw events go to ClickHouse too', [
    'scoring',
    'warehouse',
  ]),
]
