// Prometheus for tests: scrapes one engine every second, with the rules of docker/.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { freePort, startProcess, which } from './start-process.js'

const missing = () =>
  which('prometheus') === undefined || which('promtool') === undefined
    ? 'prometheus and promtool are not on PATH: apt-get install --no-install-recommends prometheus'
    : undefined

export const prometheus = {
  name: 'prometheus',
  missing,

  /**
   * `config` is a configuration file; its jobs are kept, but all of them scrape `target`, a `host:port`, every second.
   * @param {{ directory: string, config: string, target: string }} options
   */
  async start({ directory, config, target }) {
    const settings = parse(await readFile(config, 'utf8'))
    const scrape = settings.scrape_configs.map((/** @type {{ job_name: string }} */ { job_name }) => ({
      job_name,
      static_configs: [{ targets: [target] }],
    }))
    const rules = settings.rule_files.map((/** @type {string} */ file) => join(config, '..', file))
    const file = join(directory, 'prometheus.yml')
    await writeFile(
      file,
      stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: rules,
        scrape_configs: scrape,
      }),
    )
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const { pid, stop } = await startProcess({
      name: 'prometheus',
      command: 'prometheus',
      args: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(directory, 'series')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      directory,
      ready: () =>
        fetch(`${url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
    })
    return { pid, stop, url }
  },
}
