/** One command as a completion script needs it. */
export interface Completed {
  /** Its words after `tidemill`; none for the program itself. */
  readonly words: readonly string[]
  readonly summary: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly {
    readonly flag: string
    readonly summary: string
    /** The allowed values of an option with a value, none where any is allowed; undefined without a value. */
    readonly takes: readonly string[] | undefined
    readonly path: boolean
  }[]
  /** The allowed values of the first argument. */
  readonly choices: readonly string[]
}

/** Text in single quotes of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const place = (words: readonly string[]): string => words.join(' ')

/** `path` is how far the words of the line name commands; a word that is an option ends nothing. */
export function bash(commands: readonly Completed[]): string {
  const arms = commands.map(
    ({ words, commands: children, options, choices }) =>
      `    ${quoted(place(words))})\n` +
      `      words=${quoted([...children.map(({ name }) => name), ...choices].join(' '))}\n` +
      `      options=${quoted(options.map(({ flag }) => flag).join(' '))} ;;`,
  )
  return `# bash completion for tidemill
_tidemill_known() {
  case "$1" in
    ${commands.map(({ words }) => quoted(place(words))).join(' | ')}) return 0 ;;
  esac
  return 1
}
_tidemill() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' word next words options i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    next="\${path:+$path }$word"
    _tidemill_known "$next" && path=$next
  done
  COMPREPLY=()
  case "$path $previous" in
${valueArms(commands)}
  esac
  case "$path" in
${arms.join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -o bashdefault -F _tidemill tidemill
`
}

/** What follows an option with a value: its choices, a file, or nothing that a script knows. */
function valueArms(commands: readonly Completed[]): string {
  return commands
    .flatMap(({ words, options }) =>
      options.flatMap(({ flag, takes, path }) => {
        if (takes === undefined) return []
        const reply =
          takes.length > 0
            ? `compgen -W ${quoted(takes.join(' '))} -- "$current"`
            : path
              ? 'compgen -f -- "$current"'
              : undefined
        const then = reply === undefined ? 'return' : `COMPREPLY=($(${reply})); return`
        return [`    ${quoted(`${place(words)} ${flag}`)}) ${then} ;;`]
      }),
    )
    .join('\n')
}

/** A description within `_arguments` must not hold brackets or colons. */
const zshText = (text: string): string => text.replace(/[[\]:]/g, ' ')

export function zsh(commands: readonly Completed[]): string {
  const name = (words: readonly string[]): string => ['_tidemill', ...words].join('_').replaceAll('-', '_')
  const functions = commands.map(({ words, commands: children, options, choices }) => {
    const specs = options.map(({ flag, summary, takes, path }) => {
      const value =
        takes === undefined ? '' : `:value:${takes.length > 0 ? `(${takes.join(' ')})` : path ? '_files' : ''}`
      return quoted(`${flag}[${zshText(summary)}]${value}`)
    })
    const first = choices.length > 0 ? quoted(`1:value:(${choices.join(' ')})`) : quoted('*:file:_files')
    if (children.length === 0)
      return `${name(words)}() {
  _arguments -s ${[...specs, first].join(' \\\n    ')}
}`
    const listed = children.map((child) => quoted(`${child.name}:${zshText(child.summary)}`)).join(' ')
    const arms = children.map((child) => `      ${child.name}) ${name([...words, child.name])} ;;`).join('\n')
    return `${name(words)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${[...specs, quoted('1:command:->command'), quoted('*::rest:->rest')].join(' \\\n    ')}
  case $state in
    command) local -a listed=(${listed}); _describe command listed ;;
    rest) case $line[1] in
${arms}
    esac ;;
  esac
}`
  })
  return `#compdef tidemill
# zsh completion for tidemill
${functions.join('\n')}
if [[ $funcstack[1] == _tidemill ]]; then _tidemill "$@"; else compdef _tidemill tidemill; fi
`
}

export function fish(commands: readonly Completed[]): string {
  const known = commands.map(({ words }) => quoted(place(words))).join(' ')
  const lines = commands.flatMap(({ words, commands: children, options, choices }) => {
    const here = `complete -c tidemill -n ${quoted(`test (__tidemill_path) = "${place(words)}"`)}`
    return [
      ...children.map((child) => `${here} -f -a ${quoted(child.name)} -d ${quoted(child.summary)}`),
      ...(choices.length === 0 ? [] : [`${here} -f -a ${quoted(choices.join(' '))}`]),
      ...options.map(({ flag, summary, takes, path }) => {
        const kind = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
        const value =
          takes === undefined ? '' : takes.length > 0 ? ` -x -a ${quoted(takes.join(' '))}` : path ? ' -r -F' : ' -x'
        return `${here} ${kind}${value} -d ${quoted(summary)}`
      }),
    ]
  })
  return `# fish completion for tidemill
function __tidemill_path
    set -l path ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$path $word")
        contains -- "$next" ${known}; and set path $next
    end
    echo -- "$path"
end
${lines.join('\n')}
`
}
