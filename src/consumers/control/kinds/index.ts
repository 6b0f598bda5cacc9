import { accept } from './accept.js'
import { activate } from './activate.js'
import { deactivate } from './deactivate.js'
import { replay } from './replay.js'
import { resume } from './resume.js'
import { stop } from './stop.js'
import { admit, configure, withdraw } from './tenants.js'

/** Every kind of decision that this build reads. To add a kind, add a file here and its name to this list. */
export const kinds = [activate, deactivate, stop, accept, resume, replay, admit, withdraw, configure] as const
