import { Argument, type Command } from 'commander'
import { print, type Terminal } from '../terminal/terminal.js'
import { bash, fish, zsh, type Completed } from './shells.js'

const shells = { bash, zsh, fish } as const

/** Adds `completion`. It describes every command that the program has when it runs. */
export function completionCommand(parent: Command, terminal: Terminal): void {
  parent
    .command('completion')
    .summary('print a completion script for your shell')
    .description(
      'Prints a script that completes commands, options and their choices. bash: `source <(tidemill completion ' +
        'bash)`. zsh: write it to a file `_tidemill` in a directory of $fpath. fish: write it to ' +
        '~/.config/fish/completions/tidemill.fish.',
    )
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(shells)))
    .action((shell: keyof typeof shells) => print(terminal, shells[shell](completed(parent))))
}

/** Every command with its words, in the order of the help; the program itself comes first. */
function completed(command: Command, words: readonly string[] = []): readonly Completed[] {
  const own: Completed = {
    words,
    summary: command.summary() || command.description(),
    commands: command.commands.map((child) => ({ name: child.name(), summary: child.summary() })),
    options: [...command.options.filter(({ hidden }) => !hidden), ...(words.length === 0 ? [] : [helpOption])].flatMap(
      (option) =>
        [option.long, option.short].flatMap((flag) =>
          flag === undefined || flag === null
            ? []
            : [
                {
                  flag,
                  summary: firstSentence(option.description),
                  takes: option.required || option.optional ? (option.argChoices ?? []) : undefined,
                  path: /<(file|directory|paths|path)>/.test(option.flags),
                },
              ],
        ),
    ),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }
  return [own, ...command.commands.flatMap((child) => completed(child, [...words, child.name()]))]
}

const helpOption = {
  long: '--help',
  short: undefined,
  description: 'display help for command',
  required: false,
  optional: false,
  argChoices: undefined,
  flags: '--help',
}

/** Shells show one line beside a flag. */
const firstSentence = (text: string): string => text.split(/[.;:](?:\s|$)/)[0]!.slice(0, 70)
