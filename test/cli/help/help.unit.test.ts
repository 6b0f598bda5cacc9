import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { examples } from '../../../src/cli/help/examples.js'
import { wordsOf } from '../../../src/cli/help/help.js'
import { buildProgram } from '../../../src/cli/program.js'
import { settings } from '../../../src/config/settings.js'
import { screen, tidemill } from '../harness.js'

const leaves = (command: Command): readonly Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)

/** Splits a line as a shell does, as far as the examples need it, up to a redirection. */
const argumentsOf = (line: string): readonly string[] =>
  [...line.split(' > ')[0]!.matchAll(/'([^']*)'|(\S+)/g)].map(([, inQuotes, bare]) => inQuotes ?? bare!)

describe('each command has an example', () => {
  const program = buildProgram(screen())
  const commands = leaves(program)

  test('of its own, and no other example is left', () => {
    expect(commands.map(wordsOf).sort()).toEqual(Object.keys(examples).sort())
  })

  test.each(commands.map(wordsOf))('%s: the command takes its arguments and options', async (words) => {
    const [name, ...args] = argumentsOf(examples[words]!)
    expect(name).toBe('tidemill')
    const parsed = buildProgram(screen())
    let ran: string | undefined
    for (const command of leaves(parsed))
      command.action((...given: unknown[]) => void (ran = wordsOf(given.at(-1) as Command)))
    await parsed.parseAsync(args, { from: 'user' })
    expect(ran).toBe(words)
  })
})

test('the help of a command shows its own options, the names of its settings, and its example', async () => {
  const { data } = await tidemill(['start', '--help'])
  expect(data).toMatch(/Options:\n {2}--config <file>/)
  expect(data).toMatch(/Engine settings \(`tidemill settings` explains them\):\n {2}--preset <name>, --role <names>/)
  expect(data).not.toContain('TIDEMILL_PRESET')
  expect(data).toContain(`Example:\n  ${examples['start']}\n`)
  expect(data.split('\n').every((line) => line.length <= 100)).toBe(true)
})

test('a page of its own explains every setting with its default, flag, variable and path', async () => {
  const { data, exit } = await tidemill(['settings'])
  expect(exit).toBe(0)
  for (const { path, variable, flag } of settings)
    for (const word of [path, variable, flag ?? path]) expect(data).toContain(word)
  expect(data).toMatch(/--port <number>\n[\s\S]*?default: 8787/)
  const listed = JSON.parse((await tidemill(['settings', '--json'])).data) as { path: string; default: unknown }[]
  expect(listed.find(({ path }) => path === 'api.port')?.default).toBe(8787)
})
