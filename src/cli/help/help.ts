import { Help, type Command } from 'commander'
import { isSetting } from '../terminal/options.js'
import { filled } from '../terminal/terminal.js'
import { examples } from './examples.js'

/** The words of a command after `tidemill`: `predictions list`. */
export function wordsOf(command: Command): string {
  const words: string[] = []
  for (let at = command; at.parent !== null; at = at.parent) words.unshift(at.name())
  return words.join(' ')
}

/** The help of a command: its own options first, then the names of its engine settings, then an example. */
export function formatHelp(command: Command, helper: Help): string {
  const settings = helper.visibleOptions(command).filter(isSetting)
  const own: Help = Object.assign(Object.create(helper) as Help, {
    visibleOptions: (of: Command) => Help.prototype.visibleOptions.call(helper, of).filter((one) => !isSetting(one)),
  })
  const width = helper.helpWidth ?? 100
  const example = examples[wordsOf(command)]
  return [
    Help.prototype.formatHelp.call(own, command, own),
    ...(settings.length === 0
      ? []
      : [
          'Engine settings (`tidemill settings` explains them):\n' +
            `  ${filled(
              settings.map(({ flags }, i) => flags + (i < settings.length - 1 ? ',' : '')),
              width - 2,
            ).join('\n  ')}\n`,
        ]),
    ...(example === undefined ? [] : [`Example:\n  ${example}\n`]),
  ].join('\n')
}
