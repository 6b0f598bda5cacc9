import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { readLock } from '../../base/lock.js'
import { clientEnvironment } from '../../config/load.js'
import type { DecidedTenant, TenantsPort, TenantView } from '../../contracts/tenants.js'
import { besideEngine } from '../client/beside-engine.js'
import { connect, failure, type Client, type RemoteOptions } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { everySetting } from '../terminal/options.js'
import { print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'

type TenantOptions = RemoteOptions & { readonly json?: boolean }
type DecideOptions = TenantOptions & { readonly why: string }

/** The shapes of the API's answers. */
type Shown<View> = Omit<View, 'atMs'> & { readonly at: string | null }
interface Listed {
  readonly any: boolean
  readonly tenants: readonly Shown<TenantView>[]
}

/** The tenants of an engine: `remove` resolves with undefined where the tenant is not known. */
interface Tenants {
  list(): Promise<Listed>
  add(tenant: string, why: string): Promise<Shown<DecidedTenant>>
  remove(tenant: string, why: string): Promise<Shown<TenantView> | undefined>
}

export function tenantsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('tenants')
    .summary('list, add and remove the tenants whose events are scored')
    .description(
      'The control topic keeps which tenants are known, and every process follows it: no restart is needed. Asks the ' +
        'engine that --url names or that holds the data directory (with an operator key); without one, it works on ' +
        "the log itself. The setting 'tenants' adds and removes tenants where it changes between two starts.",
    )
  listOn(group, terminal)
  addOn(group, terminal)
  removeOn(group, terminal)
}

const located = (command: Command): Command =>
  everySetting(
    command
      .option('--config <file>', 'configuration file of the engine (TIDEMILL_CONFIG)')
      .option('--url <url>', 'URL of the engine (TIDEMILL_URL; default: the engine of the data directory)')
      .option('--key <key>', 'API key (TIDEMILL_KEY; default: the demo key of the data directory)')
      .option('--json', 'print JSON instead of text'),
    ['preset', 'dataDirectory', 'kafka.brokers'],
  )

const decides = (command: Command): Command =>
  located(command.argument('<tenant>', 'the tenant, as its events name it')).requiredOption(
    '--why <reason>',
    'the reason; stored with the decision',
  )

function listOn(group: Command, terminal: Terminal): void {
  const list = located(group.command('list'))
    .summary('list the tenants, with who decided, when and why')
    .action(async (options: TenantOptions) => {
      const listed = await withTenants(list, options, terminal, 'read', (tenants) => tenants.list())
      await (options.json === true ? printJson(terminal, listed) : print(terminal, listText(listed)))
    })
}

function addOn(group: Command, terminal: Terminal): void {
  const add = decides(group.command('add'))
    .summary('score the events of a tenant from now on')
    .description(
      'Events of the tenant that became dead letters before can be redriven: tidemill dlq redrive --code ' +
        'UNKNOWN_TENANT.',
    )
    .action(async (tenant: string, options: DecideOptions) => {
      const decided = await withTenants(add, options, terminal, 'decide', (tenants) => tenants.add(tenant, options.why))
      if (options.json === true) return printJson(terminal, decided)
      printMessage(
        terminal,
        decided.changed ? `added ${tenant}; its events are scored from now on` : `${tenant} is known already`,
      )
    })
}

function removeOn(group: Command, terminal: Terminal): void {
  const remove = decides(group.command('remove'))
    .summary('score the events of a tenant no more')
    .description(
      'From now on its events become dead letters, and the API refuses requests with its keys. What is stored stays. ' +
        "A configuration that names the tenant does not bring it back; 'tidemill tenants add' does.",
    )
    .action(async (tenant: string, options: DecideOptions) => {
      const removed = await withTenants(remove, options, terminal, 'decide', (tenants) =>
        tenants.remove(tenant, options.why),
      )
      if (removed === undefined) throw new CommandFailed(exits.failed, `the engine knows no tenant '${tenant}'`)
      if (options.json === true) return printJson(terminal, removed)
      printMessage(terminal, `removed ${tenant}: its events become dead letters, and its keys are refused`)
    })
}

/** Calls `work` with the tenants of the engine that the options name or that holds the directory, or of the log. */
async function withTenants<T>(
  command: Command,
  options: TenantOptions,
  terminal: Terminal,
  does: 'read' | 'decide',
  work: (tenants: Tenants) => Promise<T>,
): Promise<T> {
  const config = besideEngine(command, options.config)
  const named = options.url ?? clientEnvironment().url
  const isHeld = config.preset === 'embedded' && (await readLock(config.dataDirectory)) !== undefined
  if (named !== undefined || isHeld)
    return work(overApi(await connect({ ...options, data: config.dataDirectory }, terminal.interrupted)))
  const tasks = await import('../../compose/tenants.js')
  return tasks.withTenants(config, does, (port) => work(onLog(port)))
}

function overApi(client: Client): Tenants {
  const list = async (): Promise<Listed> => (await client.get('/api/v2/tenants')) as Listed
  return {
    list,
    async add(tenant, why) {
      const { status, body } = await client.post('/api/v2/tenants', JSON.stringify({ tenant, why }), 'application/json')
      if (status !== 200) throw failure(status, body)
      return body as Shown<DecidedTenant>
    },
    async remove(tenant, why) {
      const path = `/api/v2/tenants/${encodeURIComponent(tenant)}?${new URLSearchParams({ why }).toString()}`
      const isKnown = await client.remove(path)
      return isKnown ? (await list()).tenants.find((one) => one.tenant === tenant) : undefined
    },
  }
}

function onLog(port: TenantsPort): Tenants {
  const by = userInfo().username
  return {
    list: () => {
      const { any, tenants } = port.list()
      return Promise.resolve({ any, tenants: tenants.map(shown) })
    },
    add: async (tenant, why) => shown(await port.add(tenant, by, why)),
    async remove(tenant, why) {
      const removed = await port.remove(tenant, by, why)
      return removed && shown(removed)
    },
  }
}

const shown = <View extends TenantView>({ atMs, ...view }: View): Shown<View> => ({
  ...view,
  at: atMs === null ? null : new Date(atMs).toISOString(),
})

function listText({ any, tenants }: Listed): string {
  const rest = any ? 'every tenant is known that was not removed\n' : ''
  if (tenants.length === 0) return any ? rest : 'no tenant is known\n'
  const columns = [
    { title: 'tenant', cell: (row: Shown<TenantView>) => row.tenant },
    { title: 'state', cell: (row: Shown<TenantView>) => row.state },
    { title: 'since', cell: (row: Shown<TenantView>) => row.at ?? 'the beginning' },
    { title: 'by', cell: (row: Shown<TenantView>) => row.by },
    { title: 'why', cell: (row: Shown<TenantView>) => row.why },
  ]
  return `${table<Shown<TenantView>>(columns, tenants)}${rest === '' ? '' : `\n${rest}`}`
}
