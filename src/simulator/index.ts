export { createWorld, demoTenants } from './world/world.js'
export type { Happening, Moment, Outcome, Scheme, StreamName, World, WorldOptions } from './world/world.js'
export { simulate } from './run.js'
export type { Progress, Simulation } from './run.js'
