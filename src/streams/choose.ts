import { EngineError } from '../errors.js'
import { builtinStreams } from './index.js'
import { loadStreams } from './load.js'
import type { Stream } from './stream.js'

export interface Choice {
  readonly builtin: 'all' | readonly string[]
  /** Files, or directories of files, with streams of the user's. */
  readonly paths: readonly string[]
}

/** The streams that a configuration names. BAD_CONFIG for a built-in one that does not exist, BAD_STREAM for two of one name or topic. */
export async function chooseStreams({ builtin, paths }: Choice): Promise<Stream[]> {
  const chosen = builtinStreams.filter(({ name }) => builtin === 'all' || builtin.includes(name))
  const unknown = builtin === 'all' ? [] : builtin.filter((name) => !builtinStreams.some((stream) => stream.name === name))
  if (unknown.length > 0) throw new EngineError('BAD_CONFIG', `streams.builtin: there is no built-in stream ${unknown.join(', ')}; there are ${builtinStreams.map(({ name }) => name).join(', ')}`)
  const own = paths.length === 0 ? [] : await loadStreams(paths)
  const twice = own.find((stream) => chosen.some(({ name, topic }) => name === stream.name || topic === stream.topic))
  if (twice !== undefined) throw new EngineError('BAD_STREAM', `stream '${twice.name}' has the name or topic of a built-in one; rename it, or leave the other out with streams.builtin`)
  return [...chosen, ...own]
}
