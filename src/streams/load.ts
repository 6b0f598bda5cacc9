import { readFileSync, readdirSync, statSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { EngineError, isEngineError, messageOf } from '../base/errors.js'
import { isStream, problemsIn } from './language/define.js'
import type { Stream } from './stream.js'
import { isTransformFailure, runnable, userModules, type Place, type UserModules } from './user-module.js'

/**
 * The streams that files outside the package export: .ts, .mts, .js or .mjs files, or directories of them (a file in a
 * directory need not export a stream). Throws BAD_STREAM with file, line and field of every problem in every file.
 */
export async function loadStreams(paths: readonly string[]): Promise<readonly Stream[]> {
  const modules = userModules()
  const streams: { readonly stream: Stream; readonly file: string }[] = []
  const problems: string[] = []
  for (const path of paths) {
    try {
      const found = streamsAt(resolve(path), modules)
      if (found.length === 0) problems.push(`${path}: exports no stream; export the result of defineStream`)
      for (const { stream, file } of found) {
        const same = streams.find(
          (earlier) =>
            earlier.stream === stream || earlier.stream.name === stream.name || earlier.stream.topic === stream.topic,
        )
        if (same === undefined) streams.push({ stream, file })
        else if (same.stream !== stream)
          problems.push(`${file}: stream '${stream.name}' has the name or topic of the one in ${same.file}`)
      }
    } catch (error) {
      problems.push(...problemsOf(error, path, modules))
    }
  }
  if (problems.length > 0) throw new EngineError('BAD_STREAM', problems.join('\n'))
  return streams.map(({ stream }) => stream)
}

function streamsAt(path: string, modules: UserModules): readonly { readonly stream: Stream; readonly file: string }[] {
  return filesAt(path).flatMap((file) =>
    Object.values(modules.run(file))
      .filter(isStream)
      .map((stream) => ({ stream, file })),
  )
}

/** The file, or the files of the directory, that can contain streams. */
export function filesAt(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) {
    if (!runnable.includes(extname(path)))
      throw new EngineError('BAD_STREAM', `a stream file must end in ${runnable.join(', ')}`)
    return [path]
  }
  const names = readdirSync(path).filter(
    (name) => runnable.includes(extname(name)) && !/\.d\.m?ts$|\.(test|spec)\./.test(name),
  )
  return names.sort().map((name) => join(path, name))
}

/** The problems, each as `file:line: problem`. */
function problemsOf(error: unknown, path: string, modules: UserModules): readonly string[] {
  if (isTransformFailure(error))
    return error.errors.map(({ text, location }) => `${location?.file ?? path}:${location?.line ?? 1}: ${text}`)
  const place = modules.placeOf(error)
  const at = place === undefined ? path : `${place.file}:${place.line}`
  if (!isEngineError(error, 'BAD_STREAM') || place === undefined) return [`${at}: ${messageOf(error)}`]
  const { stream, problems } = problemsIn(error)
  return problems.map((problem) => `${place.file}:${lineOf(problem, place)}: ${stream}${problem}`)
}

/**
 * The line of the field that a problem starts with: the first line below the start of the definition that sets it;
 * otherwise the line of the definition.
 */
function lineOf(problem: string, from: Place): number {
  const field = /^[\w.]+(?=:)/.exec(problem)?.[0].split('.').at(-1)
  if (field === undefined) return from.line
  const written = new RegExp(`(?:^|[\\s{,])['"]?${field}['"]?\\s*:`)
  const below = readFileSync(from.file, 'utf8')
    .split('\n')
    .slice(from.line - 1)
  const offset = below.findIndex((line) => written.test(line))
  return offset < 0 ? from.line : from.line + offset
}
