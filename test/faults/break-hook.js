// For `node --import`: the process runs without the protection that its environment names.
import { register } from 'node:module'
import { breakVariable, isBreak } from './breaks.js'

const name = process.env[breakVariable] ?? ''
if (!isBreak(name)) throw new Error(`${breakVariable}=${name} names no protection`)
register('./break-loader.js', import.meta.url, { data: { name } })
