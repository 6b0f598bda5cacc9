import type { Command } from 'commander'
import { loadConfig } from '../../config/load.js'
import { chooseStreams } from '../../streams/choose.js'
import {
  checkSchema,
  registerSchema,
  standingOf,
  type SchemaCheck,
  type SchemaRegistration,
  type SchemaStanding,
  type SchemaVersion,
} from '../../streams/registry/schema-report.js'
import type { SchemaSubjects } from '../../streams/codec/schema-source.js'
import type { Stream } from '../../streams/stream.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { configured, givenSettings } from '../terminal/options.js'
import { print, printJson, say, styled, table, type Terminal } from '../terminal/terminal.js'

interface SchemaOptions {
  readonly config?: string
  readonly json?: boolean
}

/** What a registry is asked about each stream, one after the other. */
type Question<Answer> = (stream: Stream, subjects: SchemaSubjects) => Promise<Answer>

export function schemasCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('schemas')
    .summary("your streams' schemas in a schema registry")
    .description(
      "The streams' schemas against a Confluent-compatible registry. A stream's subject is its topic's name " +
        "and '-value'. No engine needs to run.",
    )
  const located = (command: Command): Command =>
    configured(
      command,
      ['schemaRegistry.url', 'streams.builtin', 'streams.paths'],
      'the configuration that names streams and registry',
    )

  const list = located(group.command('list'))
    .summary('which version of each is registered')
    .action(async (options: SchemaOptions) => {
      const { registry, answers } = await ask(list, options, standingOf)
      await (options.json === true
        ? printJson(terminal, { registry, schemas: answers })
        : print(terminal, listText(answers)))
    })

  const check = located(group.command('check'))
    .summary('whether each could be the next version')
    .description(
      "Asks the registry whether each schema may follow the latest version of its subject, by the subject's " +
        'compatibility level, and whether events of that version can be read with it. Exit code 5 where one may not.',
    )
    .action(async (options: SchemaOptions) => {
      const { registry, answers } = await ask(check, options, checkSchema)
      if (options.json === true) await printJson(terminal, { registry, schemas: answers })
      else
        for (const answer of answers)
          await tell(
            terminal,
            answer,
            answer.latest === null
              ? 'would be the first version'
              : answer.registered === null
                ? `may follow version ${answer.latest.version} (${answer.level})`
                : `is version ${answer.registered.version}`,
          )
      refuse(answers)
    })

  const register = located(group.command('register'))
    .summary('register those that pass the check')
    .description(
      'Registers each schema that passes its check and is not the latest version already; repeating it ' +
        'changes nothing. Exit code 5 where one did not pass.',
    )
    .action(async (options: SchemaOptions) => {
      const { registry, answers } = await ask(register, options, registerSchema)
      if (options.json === true) await printJson(terminal, { registry, schemas: answers })
      else
        for (const answer of answers)
          await tell(
            terminal,
            answer,
            `${answer.result === 'kept' ? 'was already' : 'is now'} ${versionText(answer.registered)}`,
          )
      refuse(answers)
    })
}

async function ask<Answer>(
  command: Command,
  options: SchemaOptions,
  question: Question<Answer>,
): Promise<{ registry: string; answers: readonly Answer[] }> {
  // No engine starts: a demo, and what it asks of the streams, is none of this command's business.
  const config = loadConfig({
    flags: { ...givenSettings(command), 'demo.enabled': false },
    ...(options.config !== undefined && { configPath: options.config }),
  })
  const { registryIn } = await import('../../compose/tasks.js')
  const registry = registryIn(config)
  if (registry === undefined)
    throw new CommandFailed(
      exits.usage,
      'no schema registry: give one with --registry <url>, or schemaRegistry.url in the configuration ' +
        '(TIDEMILL_SCHEMA_REGISTRY_URL)',
    )
  try {
    const answers: Answer[] = []
    for (const stream of await chooseStreams(config.streams)) answers.push(await question(stream, registry))
    return { registry: registry.place, answers }
  } finally {
    registry.close()
  }
}

const versionText = (version: SchemaVersion | null): string =>
  version === null ? '-' : `version ${version.version}, id ${version.id}`

const listText = (standings: readonly SchemaStanding[]): string =>
  table<SchemaStanding>(
    [
      { title: 'stream', cell: (row) => row.stream },
      { title: 'subject', cell: (row) => row.subject },
      { title: 'schema', cell: (row) => row.schema },
      { title: 'registered', cell: (row) => versionText(row.registered) },
      { title: 'latest', cell: (row) => versionText(row.latest) },
    ],
    standings,
  )

async function tell(terminal: Terminal, answer: SchemaCheck | SchemaRegistration, good: string): Promise<void> {
  if (answer.compatible) await print(terminal, `ok ${answer.subject}: ${answer.schema} ${good}\n`)
  else
    say(
      terminal,
      `${styled(terminal, 'err', 'red', 'incompatible')} ${answer.subject}: ` +
        `${answer.schema}\n${answer.problems.map((problem) => `  ${problem}`).join('\n')}`,
    )
}

function refuse(answers: readonly SchemaCheck[]): void {
  const refused = answers.filter(({ compatible }) => !compatible)
  if (refused.length > 0)
    throw new CommandFailed(
      exits.check,
      `${refused.length} of ${answers.length} schemas ${refused.length === 1 ? 'is' : 'are'} incompatible: ` +
        refused.map(({ subject }) => subject).join(', '),
    )
}
