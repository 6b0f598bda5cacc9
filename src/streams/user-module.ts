import { existsSync, readFileSync } from 'node:fs'
import { createRequire, SourceMap } from 'node:module'
import { dirname, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileFunction } from 'node:vm'
import { transformSync, type Loader, type TransformFailure } from 'esbuild'
import * as tidemill from '../index.js'

/** A place in a user's file; lines count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/**
 * Runs users' files, TypeScript or JavaScript. Their `import ... from 'tidemill'` gets this very package, so the engine
 * recognises the streams that they define.
 */
export interface UserModules {
  /**
   * Runs a file and returns its exports. Files that it imports by relative paths run once each. Throws the file's
   * errors, and esbuild's failure for a syntax error.
   */
  run(file: string): Readonly<Record<string, unknown>>
  /** The place of the error in a user's source file; undefined when no user's file is involved. */
  placeOf(error: unknown): Place | undefined
}

interface Loaded {
  readonly exports: Record<string, unknown>
}

const loaders: Readonly<Record<string, Loader>> = { '.ts': 'ts', '.mts': 'ts', '.js': 'js', '.mjs': 'js' }

/** Extensions of files that can contain streams. */
export const runnable = Object.keys(loaders)

export function userModules(): UserModules {
  const modules = new Map<string, Loaded>()
  const maps = new Map<string, SourceMap>()

  const run = (file: string): Loaded => {
    const known = modules.get(file)
    if (known !== undefined) return known
    const module: Loaded = { exports: {} }
    modules.set(file, module)
    const compiled = compileFunction(plainJavaScript(file), ['require', 'module', 'exports'], { filename: file }) as (
      ...parts: unknown[]
    ) => void
    compiled(importer(file), module, module.exports)
    return module
  }

  const plainJavaScript = (file: string): string => {
    const { code, map } = transformSync(readFileSync(file, 'utf8'), {
      loader: loaders[extname(file)] ?? 'js',
      sourcefile: file,
      sourcemap: 'external',
      format: 'cjs',
      target: 'node20',
      define: { 'import.meta.url': JSON.stringify(pathToFileURL(file).href) },
      logLevel: 'silent',
    })
    maps.set(file, new SourceMap(JSON.parse(map) as ConstructorParameters<typeof SourceMap>[0]))
    return code
  }

  const importer = (from: string): ((specifier: string) => unknown) => {
    const installed = createRequire(from)
    return (specifier) => {
      if (specifier === 'tidemill') return tidemill
      return /^\.{1,2}\//.test(specifier) && extname(specifier) !== '.json'
        ? run(fileOf(resolve(dirname(from), specifier))).exports
        : (installed(specifier) as unknown)
    }
  }

  return {
    run: (file) => run(file).exports,
    placeOf: (error) => {
      if (isTransformFailure(error)) {
        const { location } = error.errors[0] ?? {}
        return location ? { file: location.file, line: location.line } : undefined
      }
      for (const [, file = '', line, column] of (error instanceof Error ? (error.stack ?? '') : '').matchAll(
        /(?:\(|at )([^()\n]+?):(\d+):(\d+)\)?$/gm,
      )) {
        const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1)
        if (entry !== undefined && 'originalLine' in entry) return { file, line: entry.originalLine + 1 }
      }
      return undefined
    },
  }
}

/** The file of an import: the path as written, with an extension added, or the TypeScript file of a './x.js'. */
function fileOf(path: string): string {
  const candidates = [path, path.replace(/\.(m?)js$/, '.$1ts'), ...runnable.map((extension) => path + extension)]
  return candidates.find((candidate) => runnable.includes(extname(candidate)) && existsSync(candidate)) ?? path
}

export const isTransformFailure = (error: unknown): error is TransformFailure =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors)
