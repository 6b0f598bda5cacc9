import { mkdirSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import { openKeys } from '../../api/keys/key-file.js'
import { scopes, type KeyRecord, type NewKey, type Scope } from '../../api/keys/keys.js'
import { everyTenant } from '../../contracts/callers.js'
import { systemClock } from '../../base/clock.js'
import { dataPaths } from '../../config/load.js'
import { dataDirectoryOf, type RemoteOptions } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { durationOption } from '../terminal/options.js'
import { print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'

type KeyOptions = Pick<RemoteOptions, 'data' | 'config'> & { readonly json?: boolean }

interface CreateOptions extends KeyOptions {
  readonly name: string
  readonly tenant?: string
  readonly operator?: boolean
  readonly scopes?: readonly Scope[]
  readonly expires?: number
}

/** The default scopes: the operator's key has all, a tenant's what the tenant's own systems need. */
const usualScopes = ({ operator }: Pick<CreateOptions, 'operator'>): readonly Scope[] =>
  operator === true ? scopes : scopes.filter((scope) => scope !== 'admin')

function scopesOption(text: string): readonly Scope[] {
  const wanted = text
    .split(',')
    .map((scope) => scope.trim())
    .filter((scope) => scope !== '')
  const known = (scope: string): scope is Scope => (scopes as readonly string[]).includes(scope)
  if (wanted.length > 0 && wanted.every(known)) return wanted
  throw new InvalidArgumentError(`Scopes are ${scopes.join(', ')}.`)
}

const located = (command: Command): Command =>
  command
    .option('--data <directory>', 'the data directory (default: ./data)')
    .option('--config <file>', 'configuration file that names the data directory (TIDEMILL_CONFIG)')
    .option('--json', 'print JSON instead of text')

const storeOf = (options: KeyOptions): ReturnType<typeof openKeys> => {
  const directory = dataDirectoryOf(options)
  mkdirSync(directory, { recursive: true })
  return openKeys(dataPaths(directory).keys, systemClock)
}

/** Keys of a data directory, with or without a running engine. A running engine sees a change within a second. */
export function keysCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('keys')
    .summary('create, list and revoke API keys')
    .description(
      'Manages the API keys of a data directory, with or without a running engine. A running engine sees a change at ' +
        'once. Create keys of another machine through its API.',
    )

  createOn(group, terminal)
  listOn(group, terminal)
  revokeOn(group, terminal)
}

function createOn(group: Command, terminal: Terminal): void {
  located(group.command('create'))
    .summary('create a key and print it, this one time')
    .option('--tenant <id>', 'the tenant of the key')
    .option('--operator', 'create a key for every tenant')
    .option('--name <text>', 'what the key is for', 'key')
    .option(
      '--scopes <list>',
      `what the key may do: ${scopes.join(', ')} (default: all for --operator, all but admin for a tenant)`,
      scopesOption,
    )
    .option('--expires <duration>', 'how long the key is valid: 12h, 90d (default: for ever)', durationOption)
    .action(async (options: CreateOptions) => {
      const created = await storeOf(options).create(newKey(options))
      if (options.json === true) return printJson(terminal, { ...view(created.record), key: created.key })
      await print(terminal, `${created.key}\n`)
      printMessage(
        terminal,
        `key ${created.record.id} of ${tenantText(created.record)} for ${created.record.scopes.join(', ')}; ` +
          'store it now, the engine keeps only its hash',
      )
      const lacking = scopes.filter((scope) => !created.record.scopes.includes(scope))
      if (options.operator === true && lacking.length > 0)
        printMessage(terminal, `it lacks ${lacking.join(', ')}; the commands that need it answer 403`)
    })
}

function listOn(group: Command, terminal: Terminal): void {
  located(group.command('list'))
    .summary('list the keys, without their secrets')
    .action(async (options: KeyOptions) => {
      const keys = storeOf(options).list()
      if (options.json === true) return printJson(terminal, { keys: keys.map(view) })
      if (keys.length === 0) return printMessage(terminal, 'no keys')
      await print(
        terminal,
        table(
          [
            { title: 'id', cell: (key) => key.id },
            { title: 'name', cell: (key) => key.name },
            { title: 'tenant', cell: tenantText },
            { title: 'scopes', cell: (key) => key.scopes.join(',') },
            { title: 'created', cell: (key) => isoOf(key.createdAtMs) },
            { title: 'expires', cell: (key) => (key.expiresAtMs === undefined ? 'never' : isoOf(key.expiresAtMs)) },
          ],
          keys,
        ),
      )
    })
}

function revokeOn(group: Command, terminal: Terminal): void {
  located(group.command('revoke'))
    .summary('revoke a key')
    .argument('<id>', 'id of the key: the twelve characters after tm_')
    .action(async (id: string, options: KeyOptions) => {
      const bare = /^(?:tm_)?([0-9a-f]{12})(?:_.*)?$/.exec(id)?.[1] ?? id
      if (!(await storeOf(options).withdraw(bare)))
        throw new CommandFailed(exits.failed, `there is no key ${bare}; 'tidemill keys list' shows them`)
      await (options.json === true ? printJson(terminal, { revoked: bare }) : print(terminal, `revoked ${bare}\n`))
    })
}

function newKey(options: CreateOptions): NewKey {
  if ((options.tenant === undefined) === (options.operator !== true))
    throw new CommandFailed(exits.usage, 'name the tenant of the key: --tenant <id>, or --operator for every tenant')
  if (options.tenant === everyTenant || options.tenant === '')
    throw new CommandFailed(
      exits.usage,
      `'${options.tenant}' is not a tenant; --operator creates a key for every tenant`,
    )
  return {
    name: options.name,
    tenant: options.tenant ?? everyTenant,
    scopes: options.scopes ?? usualScopes(options),
    ...(options.expires !== undefined && { expiresAtMs: systemClock.nowMs() + options.expires }),
  }
}

const isoOf = (ms: number): string => new Date(ms).toISOString()
const tenantText = (key: Pick<KeyRecord, 'tenant'>): string =>
  key.tenant === everyTenant ? 'every tenant' : key.tenant

const view = (key: KeyRecord): object => ({
  id: key.id,
  name: key.name,
  tenant: key.tenant,
  scopes: key.scopes,
  created_at: isoOf(key.createdAtMs),
  expires_at: key.expiresAtMs === undefined ? null : isoOf(key.expiresAtMs),
})
