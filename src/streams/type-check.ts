import { createRequire } from 'node:module'
import { dirname, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type ts from 'typescript'
import { existsSync } from 'node:fs'

type TypeScript = typeof ts

export interface TypeCheck {
  /** False where no TypeScript is installed beside the files, or no file is TypeScript. */
  readonly checked: boolean
  /** Each as `file:line: problem`. */
  readonly problems: readonly string[]
}

/**
 * Compiles users' files with the types of this package, without output. The engine itself runs them without their types
 * (see `user-module.ts`), so only `streams check` does this. The TypeScript is that of the user's project, or the one
 * that is installed beside this package.
 */
export function checkTypes(files: readonly string[], compilerFor = typescriptFor): TypeCheck {
  const typed = files.filter((file) => ['.ts', '.mts'].includes(extname(file))).map((file) => resolve(file))
  const compiler = typed.length === 0 ? undefined : compilerFor(typed[0]!)
  if (compiler === undefined) return { checked: false, problems: [] }
  const program = compiler.createProgram(typed, optionsOf(compiler))
  const own = program
    .getSourceFiles()
    .filter(
      (file) => !file.isDeclarationFile && !program.isSourceFileFromExternalLibrary(file) && !isOfEngine(file.fileName),
    )
  const found = own.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ])
  return { checked: true, problems: found.flatMap((one) => textOf(compiler, one)) }
}

function typescriptFor(file: string): TypeScript | undefined {
  for (const from of [file, import.meta.url])
    try {
      return createRequire(from)('typescript') as TypeScript
    } catch {
      // The next place may have one.
    }
  return undefined
}

const here = fileURLToPath(import.meta.url)
const packageFolder = resolve(dirname(here), '..')
/** Declarations in the installed package, sources in the repository. */
const entry = ['index.d.ts', 'index.ts'].map((name) => resolve(packageFolder, name)).find((path) => existsSync(path))!

const isOfEngine = (file: string): boolean => resolve(file).startsWith(packageFolder)

const optionsOf = (compiler: TypeScript): ts.CompilerOptions => ({
  noEmit: true,
  strict: true,
  noImplicitAny: false,
  skipLibCheck: true,
  target: compiler.ScriptTarget.ES2022,
  module: compiler.ModuleKind.ESNext,
  moduleResolution: compiler.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  // `dom` has `import.meta.url`, `console` and `URL` also where the types of Node are not installed.
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  paths: { tidemill: [entry] },
})

/** Modules and globals whose types are not installed. They run, so they are no mistakes. */
const withoutTypes: ReadonlySet<number> = new Set([2307, 2580, 2591, 7016])

function textOf(compiler: TypeScript, { code, file, start, messageText }: ts.Diagnostic): readonly string[] {
  if (withoutTypes.has(code) || file === undefined) return []
  const { line } = file.getLineAndCharacterOfPosition(start ?? 0)
  return [`${file.fileName}:${line + 1}: ${compiler.flattenDiagnosticMessageText(messageText, ' ')}`]
}
