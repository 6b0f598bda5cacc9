import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tidemill } from '../harness.js'

const run = promisify(execFile)
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemill-completion-'))
  for (const shell of ['bash', 'zsh', 'fish'])
    await writeFile(join(directory, shell), (await tidemill(['completion', shell])).data)
})
afterAll(() => rm(directory, { recursive: true }))

/** What a shell offers at the end of a line. */
const offers: Readonly<Record<string, (line: string) => Promise<readonly string[]>>> = {
  async bash(line) {
    const words = line.split(' ').map((word) => `'${word}'`)
    const script =
      `source '${join(directory, 'bash')}'; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; ` +
      `_tidemill; printf '%s\\n' "\${COMPREPLY[@]}"`
    return (await run('bash', ['--norc', '-c', script], { cwd: directory })).stdout.trim().split('\n')
  },
  /** An interactive zsh in a terminal of its own lists the matches after a Tab. */
  async zsh(line) {
    const script = `
zmodload zsh/zpty
zpty z zsh -f -i
wait_for() {
  local text='' part
  while [[ $text != *$1* ]]; do zpty -r z part || return; text+=$part; done
  REPLY=$text
}
zpty -w z "PS1='ready> '; autoload -Uz compinit; compinit -u -d '${join(directory, 'dump')}'"
zpty -w z "source '${join(directory, 'zsh')}'"
zpty -w z "bindkey -e; LISTMAX=10000; unsetopt list_ambiguous auto_menu always_last_prompt; print be''gun"
wait_for begun
zpty -n -w z ${JSON.stringify(line)}$'\\t\\C-d'
zpty -n -w z $'\\C-a\\C-k'"print en''ded"$'\\n'
wait_for ended
print -r -- $REPLY`
    const { stdout } = await run('zsh', ['-f', '-c', script], {
      cwd: directory,
      env: { ...process.env, TERM: 'xterm' },
    })
    return stripVTControlCharacters(stdout).split(/\s+/)
  },
  async fish(line) {
    const script = `source '${join(directory, 'fish')}'; complete -C '${line}'`
    const { stdout } = await run('fish', ['--no-config', '-c', script], {
      cwd: directory,
      env: { ...process.env, HOME: directory },
    })
    return stdout.split('\n').map((found) => found.split('\t')[0]!)
  },
}

describe.each(['bash', 'zsh', 'fish'])('%s completes', (shell) => {
  test('commands, commands of a group, options, and the choices of an option', async () => {
    expect(await offers[shell]!('tidemill ')).toEqual(expect.arrayContaining(['start', 'predictions', 'completion']))
    expect(await offers[shell]!('tidemill predictions ')).toEqual(expect.arrayContaining(['list', 'get']))
    expect(await offers[shell]!('tidemill predictions list --ri')).toContain('--risk')
    expect(await offers[shell]!('tidemill predictions list --risk ')).toEqual(
      expect.arrayContaining(['low', 'medium', 'high']),
    )
    expect(await offers[shell]!('tidemill start --por')).toContain('--port')
  })
})

test('a shell that is not known is refused with those that are', async () => {
  const ran = await tidemill(['completion', 'csh'])
  expect(ran.exit).toBe(2)
  expect(ran.said).toContain('Allowed choices are bash, zsh, fish')
})

test('the three shells read their script without an error', () => {
  for (const shell of ['bash', 'zsh', 'fish']) execFileSync(shell, ['-n', join(directory, shell)])
})
