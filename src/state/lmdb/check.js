/**
 * Reads every entry of an LMDB file and exits with 0. It runs in its own process, because a damaged or truncated file
 * can kill the process that maps it with SIGBUS, which no `catch` sees. It is plain JavaScript, so that Node runs it
 * from src and from dist.
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
