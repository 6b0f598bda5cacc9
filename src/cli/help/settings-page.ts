import type { Command } from 'commander'
import { allowed } from '../../config/describe.js'
import { settings, type Setting } from '../../config/settings.js'
import { filled, print, printJson, styled, type Terminal } from '../terminal/terminal.js'

export function settingsCommand(parent: Command, terminal: Terminal): void {
  parent
    .command('settings')
    .summary('explain the engine settings')
    .description(
      'Lists every engine setting: what it does, its default, and its flag, environment variable and path in the ' +
        'configuration file. `start` takes every flag; the help of other commands lists those that they take.',
    )
    .option('--json', 'print JSON instead of text')
    .action(async ({ json }: { readonly json?: boolean }) => {
      if (json === true) await printJson(terminal, settings.map(describedSetting))
      else await print(terminal, settings.map((setting) => text(setting, terminal)).join('\n'))
    })
}

const describedSetting = ({ path, flag, variable, schema }: Setting) => ({
  path,
  flag: flag ?? null,
  variable,
  allowed: allowed(schema),
  default: (schema.default ?? null) as unknown,
  description: schema.description ?? '',
})

function text({ path, flag, variable, schema, flagDescription }: Setting, terminal: Terminal): string {
  const fallback = schema.default === undefined ? '' : `; default: ${JSON.stringify(schema.default)}`
  const width = Math.min(terminal.out.columns ?? 100, 100) - 4
  return [
    styled(terminal, 'out', 'bold', flag ?? path),
    ...filled(flagDescription.split(' '), width).map((line) => `    ${line}`),
    ...filled(`${allowed(schema)}${fallback}`.split(' '), width).map((line) => `    ${line}`),
    `    file ${path}, variable ${variable}\n`,
  ].join('\n')
}
