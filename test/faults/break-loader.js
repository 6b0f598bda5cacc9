// A loader of modules that takes a protection out of the program as it is read. See breaks.js.
import { broken, modulesOf } from './breaks.js'

/** @type {import('./breaks.js').BreakName} */
let name

/** @param {{ name: import('./breaks.js').BreakName }} data */
export function initialize(data) {
  name = data.name
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  const loaded = await next(url, context)
  const module = modulesOf(name).find((one) => url.endsWith(`/dist/${one}`))
  return module === undefined ? loaded : { ...loaded, source: broken(name, module, String(loaded.source)) }
}
