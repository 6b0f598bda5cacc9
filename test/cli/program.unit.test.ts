import { strict as assert } from 'node:assert'
import { Option } from 'commander'
import { describe, test } from 'vitest'
import { endOf, exitMeanings, exits } from '../../src/cli/terminal/exit.js'
import { EngineError, type ErrorCode } from '../../src/base/errors.js'
import { buildProgram } from '../../src/cli/program.js'
import { settings } from '../../src/config/settings.js'
import { screen, tidemill } from './harness.js'

describe('a command line that is wrong', () => {
  const wrong: readonly [string, readonly string[], RegExp][] = [
    ['an unknown command prints the closest one', ['strat'], /unknown command 'strat'[\s\S]*Did you mean start\?/],
    ['an unknown option too', ['start', '--prot', '1'], /unknown option '--prot'[\s\S]*Did you mean --port\?/],
    ['a missing option is named', ['score', '--stream', 'sync'], /required option '--in <file>'/],
    ['a missing argument is named', ['predictions', 'get'], /missing required argument 'event-id'/],
    [
      'a wrong choice prints the choices',
      ['predictions', 'list', '--risk', 'huge'],
      /Allowed choices are low, medium, high/,
    ],
    ['a number is told its bounds', ['predictions', 'list', '--limit', '0'], /a whole number from 1 to 1000000/],
    ['a duration is told how it looks', ['simulate', '--history', 'long'], /a duration such as 90s, 15m, 24h or 30d/],
    ['scopes are listed', ['keys', 'create', '--scopes', 'all'], /Scopes are events:write, predict, read/],
    ['a key belongs to somebody', ['keys', 'create', '--data', 'x'], /--tenant <id>, or --operator/],
    ['no command at all shows what there is', [], /Commands:[\s\S]*start[\s\S]*doctor/],
    ['a group alone prints its commands', ['predictions'], /list[\s\S]*get/],
    ['surplus arguments are refused', ['start', 'now'], /too many arguments/],
  ]
  for (const [name, args, said] of wrong)
    test(name, async () => {
      const ran = await tidemill(args)
      assert.equal(ran.exit, 2)
      assert.match(ran.said, said)
      assert.equal(ran.data, '')
    })
})

test('help and version go to standard output, with exit code 0', async () => {
  const help = await tidemill(['--help'])
  assert.equal(help.exit, 0)
  assert.match(help.data, /Usage: tidemill/)
  for (const [name, code] of Object.entries(exits))
    assert.ok(help.data.includes(`  ${code}`) && help.data.includes(exitMeanings[name as keyof typeof exits]))
  assert.match((await tidemill(['--version'])).data, /^\d+\.\d+\.\d+\n$/)
  assert.equal((await tidemill(['streams', 'check', '--help'])).exit, 0)
})

test('all problems of the configuration are printed at once, with exit code 3', async () => {
  const ran = await tidemill(['start', '--port', 'x', '--rate', 'y', '--tenants', 'acme', '--commit-interval=-1'])
  assert.equal(ran.exit, 3)
  assert.match(ran.said, /3 problems:\n {2}- api\.port \(--port\)/)
})

describe('an error ends the command', () => {
  const ends: readonly [ErrorCode, number][] = [
    ['BAD_CONFIG', 3],
    ['BAD_STREAM', 3],
    ['MODEL_MISMATCH', 3],
    ['WAREHOUSE_DOWN', 4],
    ['DISK_FULL', 4],
    ['LOCKED', 6],
    ['UNKNOWN_STREAM', 2],
    ['LOG_DAMAGED', 1],
  ]
  for (const [code, exit] of ends)
    test(`${code} with ${exit}, and without a stack`, () => {
      assert.deepEqual(endOf(new EngineError(code, 'why')), { exit, message: `why [${code}]`, expected: true })
    })
  test('of the operating system by its code', () => {
    assert.equal(endOf(Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' })).exit, 4)
    assert.equal(endOf(Object.assign(new Error('taken'), { code: 'EADDRINUSE', syscall: 'listen' })).exit, 4)
  })
  test('that is unexpected with 1, and its stack', () => {
    assert.deepEqual(endOf(new TypeError('x is not a function')), {
      exit: 1,
      message: 'x is not a function',
      expected: false,
    })
  })
})

describe("a command beside an engine takes every setting of the engine's own command line", () => {
  const besideEngines = ['topics', 'schemas', 'doctor', 'backtest', 'tenants', 'replay']
  const commands = buildProgram(screen())
    .commands.filter((command) => besideEngines.includes(command.name()))
    .flatMap((command) => (command.commands.length === 0 ? [command] : command.commands))
  for (const command of commands)
    test(`${command.parent!.name()} ${command.name()}`, () => {
      const taken = new Set(command.options.map(({ long }) => long))
      for (const { flag } of settings)
        if (flag !== undefined) assert.ok(taken.has(new Option(flag).long), `${flag} is not taken`)
    })
})
