import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { loadConfig } from '../../config/load.js'
import { retrying } from '../../consumers/ground/retry.js'
import { chooseStreams } from '../../streams/choose.js'
import {
  checkSchema,
  registerSchema,
  schemaState,
  type SchemaCheck,
  type SchemaRegistration,
  type SchemaState,
  type SchemaVersion,
} from '../../streams/registry/schema-report.js'
import type { SchemaSubjects } from '../../streams/codec/schema-source.js'
import type { Stream } from '../../streams/stream.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { configured, givenSettings } from '../terminal/options.js'
import { print, printJson, printMessage, styled, table, type Terminal } from '../terminal/terminal.js'

interface SchemaOptions {
  readonly config?: string
  readonly json?: boolean
}

/** A question to the registry about one stream. */
type Question<Answer> = (stream: Stream, subjects: SchemaSubjects) => Promise<Answer>

const located = (command: Command): Command =>
  configured(
    command,
    ['schemaRegistry.url', 'streams.builtin', 'streams.paths'],
    'configuration file that names streams and registry (TIDEMILL_CONFIG)',
  )

export function schemasCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('schemas')
    .summary("list, check and register the streams' schemas in a schema registry")
    .description(
      "Compares the streams' schemas with a Confluent-compatible registry. The subject of a stream is the name of " +
        "its topic plus '-value'. No engine needs to run.",
    )

  listOn(group, terminal)
  checkOn(group, terminal)
  registerOn(group, terminal)
}

function listOn(group: Command, terminal: Terminal): void {
  const list = located(group.command('list'))
    .summary('list the schemas and their registered versions')
    .action(async (options: SchemaOptions) => {
      const { registry, answers } = await ask(list, options, schemaState)
      await (options.json === true
        ? printJson(terminal, { registry, schemas: answers })
        : print(terminal, listText(answers)))
    })
}

function checkOn(group: Command, terminal: Terminal): void {
  const check = located(group.command('check'))
    .summary('check whether each schema can be the next version')
    .description(
      "Asks the registry whether each schema may follow the latest version of its subject, by the subject's " +
        'compatibility level, and checks that it can read events of that version. Exit code 5 when one fails.',
    )
    .action(async (options: SchemaOptions) => {
      const { registry, answers } = await ask(check, options, checkSchema)
      if (options.json === true) await printJson(terminal, { registry, schemas: answers })
      else
        for (const answer of answers)
          await printAnswer(
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
}

function registerOn(group: Command, terminal: Terminal): void {
  const register = located(group.command('register'))
    .summary('register the schemas that pass the check')
    .description(
      'Registers each schema that passes its check and is not the latest version already. Repeating it changes ' +
        'nothing. Exit code 5 when one fails. Waits for some seconds while the registry is busy.',
    )
    .action(async (options: SchemaOptions) => {
      const { registry, answers } = await ask(register, options, patientlyOn(terminal, registerSchema))
      if (options.json === true) await printJson(terminal, { registry, schemas: answers })
      else
        for (const answer of answers)
          await printAnswer(
            terminal,
            answer,
            `${answer.result === 'kept' ? 'was already' : 'is now'} ${versionText(answer.registered)}`,
          )
      refuse(answers)
    })
}

/** Repeats a question while the registry does not answer it, and prints why. */
const patientlyOn =
  <Answer>(terminal: Terminal, question: Question<Answer>): Question<Answer> =>
  (stream, subjects) =>
    retrying(() => question(stream, subjects), {
      clock: systemClock,
      signal: AbortSignal.any([terminal.interrupted, AbortSignal.timeout(limits.registryWaitMs)]),
      onRetry(error, tries) {
        if (tries === 1) printMessage(terminal, `waiting: ${messageOf(error)}`)
      },
    })

async function ask<Answer>(
  command: Command,
  options: SchemaOptions,
  question: Question<Answer>,
): Promise<{ registry: string; answers: readonly Answer[] }> {
  // No engine starts, so the command ignores the demo and what it needs of the streams.
  const config = loadConfig({
    flags: { ...givenSettings(command), 'demo.enabled': false },
    ...(options.config !== undefined && { configPath: options.config }),
  })
  const { registryIn } = await import('../../compose/tasks.js')
  const registry = registryIn(config)
  if (registry === undefined)
    throw new CommandFailed(
      exits.usage,
      'no schema registry; name one with --registry <url>, TIDEMILL_SCHEMA_REGISTRY_URL, or schemaRegistry.url in ' +
        'the configuration',
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

const listText = (standings: readonly SchemaState[]): string =>
  table<SchemaState>(
    [
      { title: 'stream', cell: (row) => row.stream },
      { title: 'subject', cell: (row) => row.subject },
      { title: 'schema', cell: (row) => row.schema },
      { title: 'registered', cell: (row) => versionText(row.registered) },
      { title: 'latest', cell: (row) => versionText(row.latest) },
    ],
    standings,
  )

async function printAnswer(terminal: Terminal, answer: SchemaCheck | SchemaRegistration, good: string): Promise<void> {
  if (answer.compatible) await print(terminal, `ok ${answer.subject}: ${answer.schema} ${good}\n`)
  else
    printMessage(
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
