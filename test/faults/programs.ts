import { join } from 'node:path'

/** A bundled program: the fault tests, or what a fault runs as a process of its own. */
export const programPath = (name: 'run' | 'append'): string => join(process.env['FAULTS_PROGRAMS']!, `${name}.js`)
