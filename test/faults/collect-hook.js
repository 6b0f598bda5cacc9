// Collects all garbage of an engine every second: what its process then still holds is what it needs. Loaded with
// --import.
import { setFlagsFromString } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = /** @type {() => void} */ (runInNewContext('gc'))
if (isMainThread) setInterval(collect, 1_000).unref()
