import { EngineError } from '../base/errors.js'
import { builtinStreams } from './built-in/index.js'
import { loadStreams } from './load.js'
import type { Accepted, Stream } from './stream.js'
import { unknownStream } from './unknown-stream.js'

export interface Choice {
  readonly builtin: 'all' | readonly string[]
  /** Files, or directories of files, with the user's streams. */
  readonly paths: readonly string[]
  /** Formats that topics accept: `avro` for all, `sync=json` for the topic of one stream. */
  readonly accept: readonly string[]
}

/**
 * The streams that a configuration names. Throws BAD_CONFIG for an unknown built-in stream, BAD_STREAM for two streams
 * with the same name or topic.
 */
export async function chooseStreams({ builtin, paths, accept }: Choice): Promise<Stream[]> {
  const chosen = builtinStreams.filter(({ name }) => builtin === 'all' || builtin.includes(name))
  const unknown =
    builtin === 'all' ? [] : builtin.filter((name) => !builtinStreams.some((stream) => stream.name === name))
  if (unknown.length > 0)
    throw new EngineError(
      'BAD_CONFIG',
      `streams.builtin: there is no built-in stream ${unknown.join(', ')}; the built-in streams are ` +
        builtinStreams.map(({ name }) => name).join(', '),
    )
  const own = paths.length === 0 ? [] : await loadStreams(paths)
  const twice = own.find((stream) => chosen.some(({ name, topic }) => name === stream.name || topic === stream.topic))
  if (twice !== undefined)
    throw new EngineError(
      'BAD_STREAM',
      `stream '${twice.name}' has the name or topic of a built-in one; rename it, or exclude the built-in one ` +
        'with streams.builtin',
    )
  return accepting([...chosen, ...own], accept)
}

/**
 * The stream with this name. The user's files have precedence over built-in streams. Throws UNKNOWN_STREAM, BAD_STREAM.
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

/** Applies `streams.accept`. An entry for one stream has precedence over the entry for all. */
function accepting(streams: readonly Stream[], accept: readonly string[]): Stream[] {
  const formats = new Map<string | undefined, Accepted>()
  for (const one of accept) {
    const { name, format } = /^(?:(?<name>[^=]+)=)?(?<format>any|avro|json)$/.exec(one)?.groups ?? {}
    if (format === undefined)
      throw new EngineError(
        'BAD_CONFIG',
        `streams.accept: '${one}' is not avro, json, or a format for one stream, such as ` +
          `${streams[0]?.name ?? 'sync'}=avro`,
      )
    if (name !== undefined && !streams.some((stream) => stream.name === name))
      throw new EngineError(
        'BAD_CONFIG',
        `streams.accept: there is no stream '${name}'; the streams are ` +
          streams.map((stream) => stream.name).join(', '),
      )
    formats.set(name, format as Accepted)
  }
  return streams.map((stream) => {
    const accepts = formats.get(stream.name) ?? formats.get(undefined)
    return accepts === undefined ? stream : Object.freeze({ ...stream, accepts })
  })
}
