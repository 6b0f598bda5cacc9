import { InvalidArgumentError, Option, type Command } from 'commander'
import { allowed } from '../../config/describe.js'
import { settings } from '../../config/settings.js'
import type { Duration } from '../../features/feature.js'
import { durationMs } from '../../streams/language/duration.js'

/** An option that sets an engine setting. `tidemill settings` explains it, not the help of every command. */
class SettingOption extends Option {}

export const isSetting = (option: Option): boolean => option instanceof SettingOption

/**
 * Adds the flags of settings: all, or those of `paths`. The command only collects their values; the configuration
 * checks them, all at once.
 */
export function settingFlags(
  command: Command,
  paths: readonly string[] = settings.map((setting) => setting.path),
): Command {
  for (const setting of settings) {
    if (setting.flag === undefined || !paths.includes(setting.path)) continue
    const variable = setting.flag.startsWith('--no-') ? `${setting.variable}=false` : setting.variable
    command.addOption(new SettingOption(setting.flag, `${lowered(setting.flagDescription)} (${variable})`))
  }
  return command
}

/**
 * Adds the flags of all settings; help lists those of `paths` alone. So a command beside an engine takes the engine's
 * own command line, and uses the settings that concern it. Options that the command has already stay as they are.
 */
export function everySetting(command: Command, paths: readonly string[]): Command {
  settingFlags(command, paths)
  const has = (option: Option): boolean => command.options.some(({ long }) => long === option.long)
  for (const { flag } of settings) {
    const option = flag === undefined ? undefined : new Option(flag).hideHelp()
    if (option !== undefined && !has(option)) command.addOption(option)
  }
  return command
}

/** Options of a command that needs no running engine: flags of `paths`, a file for the other settings, and JSON. */
export const configured = (command: Command, paths: readonly string[], file: string): Command =>
  everySetting(command, paths).option('--config <file>', file).option('--json', 'print JSON instead of text')

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '')

/** Values from the command line, by setting path. */
export function givenSettings(command: Command): Readonly<Record<string, unknown>> {
  const given: Record<string, unknown> = {}
  for (const setting of settings) {
    if (setting.flag === undefined) continue
    const name = new Option(setting.flag).attributeName()
    if (command.getOptionValueSource(name) === 'cli') given[setting.path] = command.getOptionValue(name)
  }
  return given
}

/** Parses a number within bounds; outside them, a usage error that names them. */
export const numberWithin =
  (minimum: number, maximum: number, whole = true) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && value >= minimum && value <= maximum && (!whole || Number.isInteger(value))) return value
    throw new InvalidArgumentError(
      `It must be ${allowed({ type: whole ? 'integer' : 'number', minimum, maximum } as never)}.`,
    )
  }

/** Parses '90s', '15m', '24h', '30d' or '4w' into ms; a usage error otherwise. */
export function durationOption(text: string): number {
  const ms = durationMs(text.trim() as Duration)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('It must be a duration such as 90s, 15m, 24h or 30d.')
  return ms
}

const bareNumber = /^-?\d{1,15}$/
const isoTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/

/** Parses a time into epoch ms; a bare date is its midnight in UTC. A usage error otherwise. */
export function timeOption(text: string): number {
  const ms = bareNumber.test(text) ? Number(text) : isoTime.test(text) ? Date.parse(text) : NaN
  if (Number.isFinite(ms)) return ms
  throw new InvalidArgumentError(
    'It must be ISO 8601 with a zone (2026-01-06T08:00:00Z), a date, or epoch milliseconds.',
  )
}
