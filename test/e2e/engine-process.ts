import { onTestFinished } from 'vitest'
import { launchEngine, type LaunchedEngine } from './launch.js'

export { scoredAt } from './launch.js'

/** `tidemill start`, as a process of its own that ends with the test at the latest; see `launchEngine`. */
export const engineProcess = (
  variables: Readonly<Record<string, string>>,
  directory: string,
  settings: object,
): Promise<LaunchedEngine> =>
  launchEngine(variables, directory, settings, (end) => onTestFinished(() => end('SIGKILL').then(() => undefined)))
