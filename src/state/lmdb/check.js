/**
 * Reads every entry of an LMDB file and exits with 0. Runs as a process of its own: a damaged or cut file can end the
 * process that maps it with SIGBUS, which no catch sees. Plain JavaScript, so that Node runs it from src and dist
 * alike.
 */
import process from 'node:process'
import { open } from 'lmdb'

const path = process.argv[2]
if (path === undefined) throw new Error('lmdb-check.js needs the file to check')
const database = open({
  path,
  noSubdir: true,
  noSync: true,
  useVersions: true,
  encoding: 'binary',
  keyEncoding: 'binary',
})
let bytes = 0
for (const { value } of database.getRange()) bytes += value.length
await database.close()
process.exitCode = Number.isSafeInteger(bytes) ? 0 : 1
