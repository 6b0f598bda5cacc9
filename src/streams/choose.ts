import { EngineError } from '../base/errors.js'
import { builtinStreams } from './built-in/index.js'
import { loadStreams } from './load.js'
import type { Accepted, Stream } from './stream.js'
import { unknownStream } from './unknown-stream.js'

export interface Choice {
  readonly builtin: 'all' | readonly string[]
  /** Files, or directories of files, with streams of the user's. */
  readonly paths: readonly string[]
  /** Formats that topics take: `avro` for all, `sync=json` for that of one stream. */
  readonly accept: readonly string[]
}

/**
 * The streams that a configuration names. BAD_CONFIG for a built-in one that does not exist, BAD_STREAM for two of one
 * name or topic.
 */
export async function chooseStreams({ builtin, paths, accept }: Choice): Promise<Stream[]> {
  const chosen = builtinStreams.filter(({ name }) => builtin === 'all' || builtin.includes(name))
  const unknown =
    builtin === 'all' ? [] : builtin.filter((name) => !builtinStreams.some((stream) => stream.name === name))
  if (unknown.length > 0)
    throw new EngineError(
      'BAD_CONFIG',
      `streams.builtin: there is no built-in stream ${unknown.join(', ')}; there are ` +
        builtinStreams.map(({ name }) => name).join(', '),
    )
  const own = paths.length === 0 ? [] : await loadStreams(paths)
  const twice = own.find((stream) => chosen.some(({ name, topic }) => name === stream.name || topic === stream.topic))
  if (twice !== undefined)
    throw new EngineError(
      'BAD_STREAM',
      `stream '${twice.name}' has the name or topic of a built-in one; rename it, or leave the other out ` +
        'with streams.builtin',
    )
  return accepting([...chosen, ...own], accept)
}

/**
 * The stream of a name: of the user's files, which go before a built-in one of the same name. UNKNOWN_STREAM,
 * BAD_STREAM.
 */
export async function streamNamed({ paths, accept }: Omit<Choice, 'builtin'>, name: string): Promise<Stream> {
  const own = paths.length === 0 ? [] : await loadStreams(paths)
  const known = [...new Set([...own, ...builtinStreams].map((stream) => stream.name))]
  if (!known.includes(name)) throw unknownStream(name, known)
  const found = [...own, ...builtinStreams].find((stream) => stream.name === name)!
  return accepting(
    [found],
    accept.filter((one) => !one.includes('=') || one.startsWith(`${name}=`)),
  )[0]!
}

/** What is said of one stream goes before what is said of all. */
function accepting(streams: readonly Stream[], accept: readonly string[]): Stream[] {
  const said = new Map<string | undefined, Accepted>()
  for (const one of accept) {
    const { name, format } = /^(?:(?<name>[^=]+)=)?(?<format>any|avro|json)$/.exec(one)?.groups ?? {}
    if (format === undefined)
      throw new EngineError(
        'BAD_CONFIG',
        `streams.accept: '${one}' is not avro, json, or one of them for a stream, such as ` +
          `${streams[0]?.name ?? 'sync'}=avro`,
      )
    if (name !== undefined && !streams.some((stream) => stream.name === name))
      throw new EngineError(
        'BAD_CONFIG',
        `streams.accept: there is no stream '${name}'; there are ${streams.map((stream) => stream.name).join(', ')}`,
      )
    said.set(name, format as Accepted)
  }
  return streams.map((stream) => {
    const accepts = said.get(stream.name) ?? said.get(undefined)
    return accepts === undefined ? stream : Object.freeze({ ...stream, accepts })
  })
}
