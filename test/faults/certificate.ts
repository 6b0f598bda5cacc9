import { execFile } from 'node:child_process'
import { packagePath } from '../../src/config/load.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { exits } from '../../src/cli/terminal/exit.js'
import type { Outcome } from './fault.js'

/** Runs `tidemill replay certify` over everything that was served of a stream: the digests must be equal. */
export const certified = (
  { stream }: CompiledStream,
  config: string,
  variables: Readonly<Record<string, string>>,
): Promise<Outcome> =>
  new Promise((resolve) => {
    const args = [
      packagePath('dist/cli/launch.cjs'),
      'replay',
      'certify',
      '--stream',
      stream.name,
      '--config',
      config,
      '--json',
    ]
    execFile(
      process.execPath,
      args,
      { env: { PATH: process.env['PATH'], ...variables }, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? exits.ok : error.code
        const said = stderr.trimEnd().split('\n').at(-1) ?? ''
        resolve(
          code === exits.ok
            ? {
                figures: {
                  certificate: (JSON.parse(stdout) as { served: { digest: string } }).served.digest.slice(0, 12),
                },
                violations: [],
              }
            : {
                figures: {},
                violations: [
                  code === exits.check
                    ? `the replay certificate: ${said}`
                    : `there is no replay certificate (exit code ${String(code)}): ${said}`,
                ],
              },
        )
      },
    )
  })
